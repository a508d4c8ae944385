// Microphone worklet: passes on what is heard in pieces of 20 ms, each with its loudness (root mean square).

const PIECES_PER_S = 50;
/** Below it a microphone's constant offset and its drift lie, and no voice. In Hz. */
const LOWEST_HZ = 20;

/** Posts `{samples: Float32Array, rms, peak}`, `peak` before the offset was taken out; the arrays are handed over, not copied. */
class MicrophoneProcessor extends AudioWorkletProcessor {
  #length = Math.round(sampleRate / PIECES_PER_S);
  #samples = new Float32Array(this.#length);
  #filled = 0;
  #peak = 0;
  #last = null; // sample before, as it came
  #level = 0; // and as it went
  #keeps = Math.exp((-2 * Math.PI * LOWEST_HZ) / sampleRate);

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#filled = this.#peak = this.#level = 0; // the microphone was opened anew
      this.#last = null;
    };
  }

  process([[block]]) {
    // A device that is being unplugged gives no channel for a moment.
    for (let from = 0; block && from < block.length;) {
      const count = Math.min(block.length - from, this.#length - this.#filled);
      for (let at = from; at < from + count; at++) this.#samples[this.#filled++] = this.#centred(block[at]);
      from += count;
      if (this.#filled === this.#length) this.#pass();
    }
    return true;
  }

  /** A sample without the constant offset (one-pole high-pass). */
  #centred(sample) {
    this.#peak = Math.max(this.#peak, Math.abs(sample));
    this.#level = sample - (this.#last ?? sample) + this.#keeps * this.#level;
    this.#last = sample;
    return this.#level;
  }

  #pass() {
    const samples = this.#samples;
    const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    this.port.postMessage({ samples, rms, peak: this.#peak }, [samples.buffer]);
    this.#peak = 0;
    this.#samples = new Float32Array(this.#length);
    this.#filled = 0;
  }
}

registerProcessor('visavis-microphone', MicrophoneProcessor);
