// Reference of the echo canceller: what the player sent out, on the microphone's clock. Both arrive in pieces that are never quite punctual.

/** How much lies ready, in s, where there is a choice: a piece of 20 ms, for one may be late. An echo is never quicker than that. */
const READY_S = 0.02;
/** More than this is too much, and the oldest is given up; in silence, where nothing is lost, less than that. In s. */
const MOST_S = 0.25;
const MOST_IN_SILENCE_S = 0.06;
/** Full scale that counts as sound. */
const AUDIBLE = 1e-4;

const isSound = (piece) => piece.some((sample) => Math.abs(sample) > AUDIBLE);

export class Reference {
  #rate;
  #pieces = []; // {samples, sound}
  #length = 0; // samples in them
  #due = 0; // parts of a sample that the microphone's pieces were longer than what was taken
  /** How much sound was taken, silence left out, in s. */
  soundS = 0;

  /** @param {number} sampleRate of what is pushed, in Hz */
  constructor(sampleRate) {
    this.#rate = sampleRate;
  }

  /** @param {Float32Array} samples what the player sends out next */
  push(samples) {
    this.#pieces.push(samples);
    this.#length += samples.length;
    if (this.#length > MOST_S * this.#rate) this.#drop(this.#length - READY_S * this.#rate);
  }

  /** What was sent out while the microphone heard so much; silence where nothing has arrived. @param {number} seconds */
  take(seconds) {
    this.#due += seconds * this.#rate;
    const taken = new Float32Array(Math.floor(this.#due));
    this.#due -= taken.length;
    for (let filled = 0; filled < taken.length && this.#pieces.length;) {
      const piece = this.#next(taken.length - filled);
      taken.set(piece, filled);
      filled += piece.length;
    }
    if (isSound(taken)) this.soundS += seconds;
    else if (this.#length > MOST_IN_SILENCE_S * this.#rate && !this.#pieces.some(isSound)) this.#drop(this.#length - READY_S * this.#rate);
    return taken;
  }

  #drop(count) {
    for (let left = Math.floor(count); left > 0 && this.#pieces.length;) left -= this.#next(left).length;
  }

  /** The next samples, as many as the first piece has, at most so many. */
  #next(most) {
    const [piece] = this.#pieces;
    const next = piece.subarray(0, most);
    if (next.length === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(most);
    this.#length -= next.length;
    return next;
  }
}
