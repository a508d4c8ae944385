// Synchronisation benchmark, on the audio thread: the loudness of every block that passes, with its context time.

const BATCH = 32;

class TapProcessor extends AudioWorkletProcessor {
  #blocks = [];

  process([[block]]) {
    const power = block ? block.reduce((sum, sample) => sum + sample * sample, 0) / block.length : 0;
    this.#blocks.push([currentTime, Math.sqrt(power)]);
    if (this.#blocks.length === BATCH) this.port.postMessage(this.#blocks.splice(0));
    return true;
  }
}

registerProcessor('tap', TapProcessor);
