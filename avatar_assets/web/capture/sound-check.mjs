// Sound check: what is wrong with a microphone by what comes from it: nothing at all, or far too much.

/** So long nothing but zeros, where every open microphone hisses a little. In ms. */
const DEAD_MS = 1500;
/** From this height on a sample was cut off; so many ms of pieces with such samples, within so many, are too many. */
const CLIPPED = 0.995;
const CLIPPED_MS = 400;
const WITHIN_MS = 4000;

const DEAD = 'Nothing comes from the microphone: it may be muted, by its own switch or in the system, or not be the one you speak into.';
const LOUD = 'The microphone is too loud, which makes you hard to understand: lower its level in the system, or speak from further away.';

/** Says each only once, until it was well again for a while. */
export class SoundCheck {
  #deadMs = 0;
  #clippedMs = 0;
  #told = '';

  /**
   * Takes the next piece.
   *
   * @param {number} peak largest magnitude of its samples, 0…1
   * @param {number} ms its length
   * @returns {string} a sentence, or nothing
   */
  push(peak, ms) {
    this.#deadMs = peak === 0 ? this.#deadMs + ms : 0;
    const clipped = peak >= CLIPPED ? ms : (-ms * CLIPPED_MS) / WITHIN_MS;
    this.#clippedMs = Math.min(2 * CLIPPED_MS, Math.max(0, this.#clippedMs + clipped));
    const wrong = this.#deadMs >= DEAD_MS ? DEAD : this.#clippedMs >= CLIPPED_MS ? LOUD : '';
    if (wrong === this.#told || (!wrong && this.#clippedMs)) return '';
    this.#told = wrong;
    return wrong;
  }
}
