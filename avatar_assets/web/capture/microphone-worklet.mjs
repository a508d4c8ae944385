// Microphone worklet: passes on what is heard in pieces of 20 ms, each with its loudness (root mean square).

const PIECES_PER_S = 50;

/** Posts `{samples: Float32Array, rms}`; the arrays are handed over, not copied. */
class MicrophoneProcessor extends AudioWorkletProcessor {
  #length = Math.round(sampleRate / PIECES_PER_S);
  #samples = new Float32Array(this.#length);
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = () => (this.#filled = 0); // the microphone was opened anew
  }

  process([[block]]) {
    // A device that is being unplugged gives no channel for a moment.
    for (let from = 0; block && from < block.length;) {
      const count = Math.min(block.length - from, this.#length - this.#filled);
      this.#samples.set(block.subarray(from, from + count), this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled === this.#length) this.#pass();
    }
    return true;
  }

  #pass() {
    const samples = this.#samples;
    const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    this.port.postMessage({ samples, rms }, [samples.buffer]);
    this.#samples = new Float32Array(this.#length);
    this.#filled = 0;
  }
}

registerProcessor('visavis-microphone', MicrophoneProcessor);
