// Heard clock: the AudioContext time of the sound that is leaving the loudspeaker at this moment.

/** How fast the estimate follows the browser's timestamps (share per reading). */
const FOLLOW = 0.1;
/** A step larger than this is no jitter: the device changed, or the context was suspended. In s. */
const JUMP_S = 0.03;
/** `currentTime` advances in whole buffers, so its latest edge is the truth: follow it up at once, down slowly. */
const EDGE_UP = 0.3;
const EDGE_DOWN = 0.02;

/**
 * Tells which moment of an AudioContext is being *heard*.
 *
 * Where the browser offers `getOutputTimestamp` (pairs of a context time and the performance time at which the device plays
 * it), it is used: it contains every latency, Bluetooth's too. Elsewhere the clock is `currentTime` less the latencies the
 * context admits to.
 */
export class HeardClock {
  #context;
  #now;
  #offset = null; // context s minus performance s

  /**
   * @param {BaseAudioContext & AudioContext} context
   * @param {() => number} [now] performance time in ms
   */
  constructor(context, now = () => performance.now()) {
    this.#context = context;
    this.#now = now;
  }

  /** Seconds on the context's clock that are heard now. Stands still with the context. */
  heard() {
    const now = this.#now() / 1000;
    const stamp = this.#stamp();
    if (stamp) this.#follow(stamp.contextTime - stamp.performanceTime / 1000, FOLLOW, FOLLOW);
    else this.#follow(this.#context.currentTime - this.latency() - now, EDGE_UP, EDGE_DOWN);
    return Math.min(now + this.#offset, this.#context.currentTime); // what has not been rendered cannot be heard
  }

  /** Performance time in ms at which the sample at `contextTime` (s) is or was heard. */
  performanceTimeOf(contextTime) {
    return this.#now() + (contextTime - this.heard()) * 1000;
  }

  /** Seconds between rendering and hearing, as far as the context admits to them. */
  latency() {
    return (this.#context.baseLatency || 0) + (this.#context.outputLatency || 0);
  }

  #stamp() {
    const stamp = this.#context.getOutputTimestamp?.();
    // Before the device runs the stamp is empty; a stamp ahead of what has been rendered is an implementation's mistake.
    if (!stamp || !(stamp.contextTime > 0) || !(stamp.performanceTime > 0) || stamp.contextTime > this.#context.currentTime) return null;
    return stamp;
  }

  #follow(reading, up, down) {
    const step = this.#offset === null ? Infinity : reading - this.#offset;
    if (Math.abs(step) > JUMP_S) this.#offset = reading;
    else this.#offset += step * (step > 0 ? up : down);
  }
}
