// Player worklet: plays the segments it is handed without a gap and says at which sample of the context's clock each began.

/** Length of the fade that ends a sound which is cut off, in s: short enough to be silence now, long enough not to click. */
const FADE_S = 0.005;

/**
 * Takes `{type: 'play', id, samples: Float32Array}` at the context's own rate, and `{type: 'clear'}`.
 *
 * Reports `{type: 'began' | 'ended', id, time}`, `time` being the context time (s) of the segment's first sample and of the
 * one after its last, exact to the sample. A segment is handed over whole, so no sample can be missing between the two: they
 * say all there is to know about its position. Between segments that were there in time `ended` and `began` coincide.
 */
class PlayerProcessor extends AudioWorkletProcessor {
  #queue = [];
  #frame = 0; // next sample of the first segment in the queue
  #fading = null; // {samples, frame, left}: the sound that was cut off
  #fadeLength = Math.round(FADE_S * sampleRate);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.type === 'play') this.#queue.push(data);
      else this.#clear();
    };
  }

  process(_inputs, [[block]]) {
    let filled = 0;
    while (filled < block.length && this.#queue.length) filled = this.#play(block, filled);
    if (this.#fading) this.#fade(block);
    return true;
  }

  #play(block, filled) {
    const { id, samples } = this.#queue[0];
    if (this.#frame === 0) this.#report('began', id, filled);
    const count = Math.min(block.length - filled, samples.length - this.#frame);
    block.set(samples.subarray(this.#frame, this.#frame + count), filled);
    this.#frame += count;
    if (this.#frame === samples.length) {
      this.#report('ended', id, filled + count);
      this.#queue.shift();
      this.#frame = 0;
    }
    return filled + count;
  }

  #clear() {
    if (this.#frame) this.#fading = { samples: this.#queue[0].samples, frame: this.#frame, left: this.#fadeLength };
    this.#queue = [];
    this.#frame = 0;
  }

  #fade(block) {
    const { samples, frame, left } = this.#fading;
    const count = Math.min(block.length, left, samples.length - frame);
    for (let index = 0; index < count; index++) block[index] += (samples[frame + index] * (left - index)) / this.#fadeLength;
    const rest = { samples, frame: frame + count, left: left - count };
    this.#fading = rest.left > 0 && rest.frame < samples.length ? rest : null;
  }

  #report(type, id, offset) {
    this.port.postMessage({ type, id, time: currentTime + offset / sampleRate });
  }
}

registerProcessor('visavis-player', PlayerProcessor);
