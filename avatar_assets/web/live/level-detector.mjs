// Level detector: whether somebody may be speaking, by loudness alone and within 40 ms; whoever acts upon it must be ready to be wrong.

/** How far above the noise a piece must be, and what never counts, in dB of full scale. */
const ABOVE_DB = 12;
const QUIETEST_DB = -50;
/** The same while the persona speaks: what the echo canceller leaves of it is softer. */
const QUIETEST_OVER_VOICE_DB = -46;
/** How fast the estimate of the noise follows what is quieter, and what is louder, in dB a second. */
const FALL_DB_S = 30;
const RISE_DB_S = 2;
/** Pieces in a row that are an onset: a click is one. */
const ONSET_PIECES = 2;
/** Whoever was silent for so long has finished, in ms. */
const LONG_MS = 1000;
/** A false alarm raises what counts as loud by so much, up to so much; it comes down again in dB a second. */
const ALARM_DB = 4;
const ALARM_MOST_DB = 16;
const ALARM_FALL_DB_S = 0.5;

export class LevelDetector {
  #noise = null; // dB
  #wary = 0; // dB
  #loud = 0; // pieces in a row
  /** How long it has been quiet, and how much was loud since it last was quiet for long, in ms. */
  silentMs = Infinity;
  loudMs = 0;

  /**
   * Takes the next piece.
   *
   * @param {number} rms 0…1
   * @param {number} ms its length
   * @param {boolean} [overVoice] whether the persona is heard meanwhile
   * @returns {boolean} whether a sound has just begun
   */
  push(rms, ms, overVoice = false) {
    const level = 20 * Math.log10(Math.max(rms, 1e-6));
    this.#noise ??= level;
    this.#wary = Math.max(0, this.#wary - (ALARM_FALL_DB_S * ms) / 1000);
    const isLoud = level > Math.max(this.#noise + ABOVE_DB, overVoice ? QUIETEST_OVER_VOICE_DB : QUIETEST_DB) + this.#wary;
    if (level < this.#noise) this.#noise = Math.max(level, this.#noise - (FALL_DB_S * ms) / 1000);
    else this.#noise = Math.min(level, this.#noise + (RISE_DB_S * ms) / 1000);
    this.#loud = isLoud ? this.#loud + 1 : 0;
    if (isLoud) {
      this.silentMs = 0;
      this.loudMs += ms;
    } else {
      this.silentMs += ms;
      if (this.silentMs > LONG_MS) this.loudMs = 0;
    }
    return this.#loud === ONSET_PIECES;
  }

  /** What was taken for a voice is one after all. */
  trust() {
    this.#wary = 0;
  }

  /** What was taken for a voice was none. */
  beWary() {
    this.#wary = Math.min(ALARM_MOST_DB, this.#wary + ALARM_DB);
  }
}
