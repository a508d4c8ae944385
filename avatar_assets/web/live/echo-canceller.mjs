// Acoustic echo canceller: takes out of the microphone's sound what the loudspeaker plays, by WebRTC's AEC3 (in WebAssembly).
//
// Browsers cancel only what they play by themselves, and some not even that; this one gets the very samples that leave the player. It finds
// the delay by itself, up to half a second, follows it when the clocks drift, predicts the echo in each band, and leaves what that does
// not explain. https://webrtc.googlesource.com/src/+/refs/heads/main/modules/audio_processing/aec3/ (BSD-3-Clause)
import { Reference } from './reference.mjs';

/** What AEC3 works at, in Hz. */
const RATE_HZ = 16_000;

export class EchoCanceller {
  #aec;
  #reference = null;
  #playedRate = 0;

  /** @param {{AEC3: new (rate: number, played: number, heard: number) => object}} library the opened WebAssembly module */
  constructor(library) {
    this.#aec = new library.AEC3(RATE_HZ, 1, 1);
  }

  /** The next sound that leaves the player. @param {Float32Array} samples  @param {number} sampleRate Hz */
  played(samples, sampleRate) {
    if (this.#playedRate !== sampleRate) this.#reference = new Reference((this.#playedRate = sampleRate));
    this.#reference.push(samples);
  }

  /** What is left of the next sound of the microphone. @param {Float32Array} samples at 16 000 Hz  @returns {Float32Array} */
  clean(samples) {
    if (this.#reference) this.#aec.analyze([this.#reference.take(samples.length / RATE_HZ)], { sampleRateIn: this.#playedRate });
    const rest = new Float32Array(this.#aec.processSize([samples]));
    this.#aec.process([rest], [samples]);
    return rest;
  }

  /** Whether the player has been heard for long enough that the room is known. */
  get knowsTheRoom() {
    return this.#reference === null || this.#reference.soundS >= LEARNING_S;
  }
}

/** How much of the player's sound the canceller needs to know a room, in s. */
const LEARNING_S = 2;

/**
 * Fetches the library as `modules.json` says.
 *
 * @returns {Promise<EchoCanceller>}
 * @throws {Error} when it cannot be had, or the browser lets no WebAssembly run
 */
export async function openEchoCanceller() {
  const list = new URL('../modules.json', import.meta.url);
  const { imports, integrity = {} } = await (await fetch(list)).json();
  const src = new URL(imports.webrtcaec3, list).href;
  globalThis.WebRtcAec3 ?? (await script(src, integrity[src] ?? ''));
  return new EchoCanceller(await globalThis.WebRtcAec3());
}

/** It is no ES module: what it exports becomes global. */
function script(src, integrity) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement('script'), { src, integrity, crossOrigin: 'anonymous', onload: resolve });
    element.onerror = () => reject(new Error(`${src} cannot be loaded.`));
    document.head.append(element);
  });
}
