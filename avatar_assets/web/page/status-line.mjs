// Status line: what the person does now, in the page and on the stage, and how loud the microphone is.

export class StatusLine {
  #line;
  #meter;
  #stage;

  /** @param {HTMLElement} line  @param {HTMLElement} meter  @param {import('./stage-link.mjs').StageLink} stage */
  constructor(line, meter, stage) {
    this.#line = line;
    this.#meter = meter;
    this.#stage = stage;
  }

  /** @param {string} state see `viewOf`  @param {string} text its words */
  show(state, text) {
    this.#line.dataset.state = state;
    this.#line.textContent = text;
    this.#stage.post({ type: 'state', state, text });
  }

  /** @param {number} level loudness of the microphone, 0…1  @param {boolean} open whether it is shown while nobody records */
  level(level, open) {
    this.#meter.dataset.open = open;
    this.#meter.setAttribute('aria-valuenow', String(Math.round(level * 100)));
    this.#meter.style.setProperty('--level', level.toFixed(3));
  }
}
