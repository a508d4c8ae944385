// Listener's face: what the persona does while the user speaks: nods in their pauses, now and then a silent "mm-hm", brows up at questions.

/** A silence that is a pause, in ms: the nod is to be seen within 200 ms of the last sound, and a consonant is silent for up to 120 ms. */
const PAUSE_MS = 140;
/** Who has said less than this gets no nod, in ms of sound. */
const ENOUGH_MS = 700;
/** From one act to the next, in ms. */
const SELDOM_MS = 2500;
const PAUSES = ['nod', 'nod', 'hum'];
const QUESTION = /[?？؟\u037e]["'”’)\]]*\s*$/;

export class ListenerFace {
  #act;
  #count = 0;
  #since = Infinity; // ms since the last act
  #paused = true; // whether the pause under way has been answered, or nothing was said yet
  #asked = ''; // the question that was answered last

  /** @param {(name: string) => void} act see `acting/acts.mjs` */
  constructor(act) {
    this.#act = act;
  }

  /**
   * The next piece of sound.
   *
   * @param {{silentMs: number, loudMs: number}} level of the user: see `LevelDetector`
   * @param {number} ms the piece's length
   * @param {boolean} listening whether the user has the floor
   */
  hear({ silentMs, loudMs }, ms, listening) {
    this.#since += ms;
    if (silentMs < PAUSE_MS) {
      this.#paused = false;
      return;
    }
    if (this.#paused) return;
    this.#paused = true;
    if (!listening || loudMs < ENOUGH_MS || this.#since < SELDOM_MS) return;
    this.#since = 0;
    this.#act(PAUSES[this.#count++ % PAUSES.length]);
  }

  /** The words of the user so far are known. @param {string} text */
  read(text) {
    if (!QUESTION.test(text) || text === this.#asked) return;
    this.#asked = text;
    this.#act('ask');
  }
}
