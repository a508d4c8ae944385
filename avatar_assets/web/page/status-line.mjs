// Status line: what the person does now, in the page and on the stage, and how loud the microphone is.

const WORDS = {
  loading: 'Loading …',
  idle: 'Ready',
  listening: 'Listening …',
  thinking: 'Thinking …',
  speaking: 'Speaking',
  failed: 'Something went wrong',
};
const BUSY = ['listening', 'thinking', 'speaking'];

export class StatusLine {
  #line;
  #meter;
  #stage;
  /** Whether nobody needs to press anything to speak. */
  isOpen = false;

  /** @param {HTMLElement} line  @param {HTMLElement} meter  @param {import('./stage-link.mjs').StageLink} stage */
  constructor(line, meter, stage) {
    this.#line = line;
    this.#meter = meter;
    this.#stage = stage;
  }

  /** What is shown: one of `WORDS`. */
  get shown() {
    return this.#line.dataset.state;
  }

  /** @param {string} state one of `WORDS`  @param {string} [text] in other words */
  show(state, text = state === 'idle' && this.isOpen ? 'Ready: just speak' : WORDS[state]) {
    this.#line.dataset.state = state;
    this.#line.textContent = text;
    this.#stage.post({ type: 'state', state, text });
  }

  /** A sentence for the user; what goes on, goes on. @param {string} text */
  say(text) {
    this.show(BUSY.includes(this.shown) ? this.shown : 'idle', text);
  }

  /** @param {number} level loudness of the microphone, 0…1  @param {boolean} [open] whether it is shown while nobody records */
  level(level, open = this.isOpen) {
    this.#meter.dataset.open = open;
    this.#meter.setAttribute('aria-valuenow', String(Math.round(level * 100)));
    this.#meter.style.setProperty('--level', level.toFixed(3));
  }
}
