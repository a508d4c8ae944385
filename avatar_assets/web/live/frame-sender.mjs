// Frame sender: an open microphone's sound on its way to Python, in frames, one message at a time; what waits meanwhile goes with the next.
import { UNREACHABLE, randomId } from '../page/server-link.mjs';
import { pcmOf } from '../capture/microphone.mjs';

/** Samples of a frame: 80 ms. */
export const FRAME = 1280;
/** Frames that may wait: 12 s; and that go with one message. */
export const MOST_WAITING = 150;
export const MOST_IN_MESSAGE = 100;

export class FrameSender {
  #send;
  #on;
  #id = null; // what Python calls the open microphone; null while it is closed
  #announced = false; // whether Python knows it
  #pieces = []; // of the frame that is being filled
  #filled = 0;
  #audible = false; // whether the persona spoke during it
  #frames = []; // {samples: Float32Array[], audible}
  #number = 0; // of the first that waits
  #sending = false;
  #told = false; // whether it was said that the network is too slow

  /**
   * @param {(message: object, data?: ArrayBufferView) => Promise<string>} send see `ServerLink.send`
   * @param {object} on
   * @param {() => void} on.onLost the network stood still for so long that sound was lost; told once until something arrives
   * @param {() => void} on.onAnew Python begins to listen anew, and has forgotten what was begun
   * @param {(problem: string) => void} on.onProblem Python does not listen any more
   */
  constructor(send, on) {
    this.#send = send;
    this.#on = on;
  }

  /** What Python calls the open microphone; null while it is closed. */
  get id() {
    return this.#id;
  }

  /** The microphone is open; or what was begun shall be forgotten. */
  begin() {
    this.#beginAnew();
  }

  /** The microphone is closed. */
  end() {
    if (this.#id === null) return;
    this.#send({ type: 'listening', listening: this.#id, on: false });
    this.#id = null;
    this.#empty();
  }

  /** @param {Float32Array} samples the next sound, 16 000 Hz  @param {boolean} audible whether the persona speaks meanwhile, or is about to */
  push(samples, audible) {
    if (this.#id === null) return;
    let rest = samples;
    while (rest.length) {
      const piece = rest.subarray(0, FRAME - this.#filled);
      rest = rest.subarray(piece.length);
      this.#pieces.push(piece);
      this.#filled += piece.length;
      this.#audible ||= audible;
      if (this.#filled === FRAME) this.#queue();
    }
  }

  #queue() {
    this.#frames.push({ samples: this.#pieces, audible: this.#audible });
    this.#clearFrame();
    if (this.#frames.length > MOST_WAITING) {
      this.#lose();
    }
    this.#pump();
  }

  /** What waits is too old; it is said once, until something arrives. */
  #lose() {
    if (!this.#told) this.#on.onLost();
    this.#told = true;
    this.#beginAnew();
  }

  #beginAnew() {
    this.#id = randomId(64);
    this.#announced = false;
    this.#empty();
    this.#on.onAnew();
    this.#pump();
  }

  #empty() {
    this.#frames = [];
    this.#number = 0;
    this.#clearFrame();
  }

  #clearFrame() {
    this.#pieces = [];
    this.#filled = 0;
    this.#audible = false;
  }

  async #pump() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#id !== null && (!this.#announced || this.#frames.length)) {
      const id = this.#id;
      const sound = this.#announced;
      const problem = sound ? await this.#sendFrames(id) : await this.#announce(id);
      if (id !== this.#id) continue; // it was closed, or opened anew
      if (problem === UNREACHABLE) sound ? this.#lose() : this.#beginAnew();
      else if (problem) {
        this.#id = null;
        this.#empty();
        this.#on.onProblem(problem);
      } else this.#told = false;
    }
    this.#sending = false;
  }

  #announce(id) {
    this.#announced = true;
    return this.#send({ type: 'listening', listening: id, on: true });
  }

  #sendFrames(id) {
    const frames = this.#frames.splice(0, MOST_IN_MESSAGE);
    const first = this.#number;
    this.#number += frames.length;
    const message = { type: 'heard', listening: id, first, audible: frames.map(({ audible }) => audible) };
    return this.#send(message, pcmOf(frames.flatMap(({ samples }) => samples)));
  }
}
