// Push to talk: hold the button or the space bar, or tap once to begin a recording and once more to send it.

/** A press that is shorter is a tap, in ms. */
const TAP_MS = 300;
/** These take the space bar for themselves; the second kind only where the keyboard led there, for a click moves the focus too. */
const TYPES_INTO = 'input, textarea, select, [contenteditable]';
const PRESSED_BY_KEY = 'button, a, summary, [role="radio"], [tabindex="0"]';

/** The button, and the space bar, which does the same. */
export class PushToTalk {
  #button;
  #tell;
  #since = 0;
  #byKey = false; // whether it is the space bar that is held
  #pointed = false; // whether it was a pointer that last chose what has the keyboard

  /** @param {HTMLButtonElement} button  @param {(event: {type: 'press' | 'release', tap?: boolean}) => void} tell see `step` */
  constructor(button, tell) {
    this.#button = button;
    this.#tell = tell;
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId); // or a release over the stage's iframe would be told to the stage alone
      this.#press();
    });
    for (const name of ['pointerup', 'pointercancel']) button.addEventListener(name, () => this.#release());
    button.addEventListener('click', ({ detail }) => detail === 0 && this.#tap()); // the Enter key, or a screen reader
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long press on a phone opens none
    this.alsoKeysOf(window);
  }

  /** Lets the space bar work in another window too (the stage's iframe). */
  alsoKeysOf(other) {
    other.addEventListener('pointerdown', () => (this.#pointed = true), { capture: true });
    other.addEventListener('keydown', (event) => {
      if (event.code === 'Tab' || event.code?.startsWith('Arrow')) this.#pointed = false;
      if (event.code !== 'Space' || event.ctrlKey || event.metaKey || event.altKey || this.#isTakenBy(event.target)) return;
      event.preventDefault();
      if (event.repeat) return;
      this.#byKey = true;
      this.#press();
    });
    other.addEventListener('keyup', (event) => {
      if (event.code !== 'Space' || !this.#byKey) return;
      event.preventDefault();
      this.#letGo();
    });
    other.addEventListener('blur', () => this.#letGo()); // whoever has the keyboard now hears of the key's release
  }

  /** @param {object} view see `viewOf`  @param {string} elapsed how long the recording is, as it is shown */
  show({ label, mode }, elapsed) {
    this.#button.textContent = label;
    this.#button.dataset.mode = mode;
    this.#button.dataset.elapsed = elapsed;
  }

  #isTakenBy(target) {
    if (target === this.#button) return false;
    return target.closest?.(this.#pointed ? TYPES_INTO : `${TYPES_INTO}, ${PRESSED_BY_KEY}`) != null;
  }

  #press() {
    this.#since = performance.now();
    this.#tell({ type: 'press' });
  }

  #release() {
    this.#tell({ type: 'release', tap: performance.now() - this.#since < TAP_MS });
  }

  #letGo() {
    if (this.#byKey) this.#release();
    this.#byKey = false;
  }

  #tap() {
    this.#press();
    this.#release();
  }
}
