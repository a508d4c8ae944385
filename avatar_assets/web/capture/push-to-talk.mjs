// Push to talk: hold the button or the space bar, or tap once to begin a recording and once more to send it.

const TAP_MS = 300;
const SHORTEST_MS = 250;
const LABELS = {
  rest: 'Hold to talk',
  opening: 'Microphone …',
  released: 'Microphone …',
  held: 'Release to send',
  tapped: 'Tap to send',
};
/** These take the space bar for themselves; the second kind only where the keyboard led there, for a click moves the focus too. */
const TYPES_INTO = 'input, textarea, select, [contenteditable]';
const PRESSED_BY_KEY = 'button, a, summary, [role="radio"], [tabindex="0"]';

/** Turns presses into recordings. */
export class PushToTalk {
  #button;
  #microphone;
  #on;
  #mode = 'rest';
  #since = 0;
  #byKey = false; // whether it is the space bar that is held
  #pointed = false; // whether it was a pointer that last chose what has the keyboard

  /**
   * @param {HTMLButtonElement} button
   * @param {import('./microphone.mjs').Microphone} microphone
   * @param {object} on
   * @param {() => void} [on.onPress] somebody wants to speak
   * @param {() => void} on.onStart the recording has begun
   * @param {(recording: {pcm: Int16Array, sampleRate: number}, note?: string) => void} on.onTake it has ended; `note` says why, where it
   *   did by itself
   * @param {(why: string) => void} on.onNothing it has ended with too little to be sent
   */
  constructor(button, microphone, on) {
    this.#button = button;
    this.#microphone = microphone;
    this.#on = on;
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId); // or a release over the stage's iframe would be told to the stage alone
      this.#press();
    });
    for (const name of ['pointerup', 'pointercancel']) button.addEventListener(name, () => this.#release());
    button.addEventListener('click', ({ detail }) => detail === 0 && this.#tap()); // the Enter key, or a screen reader
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long press on a phone opens none
    document.addEventListener('visibilitychange', () => document.hidden && this.#release());
    this.alsoKeysOf(window);
    this.#show('rest');
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

  /** Whether somebody records, or is about to. */
  get isBusy() {
    return this.#mode !== 'rest';
  }

  /** Forgets a recording that is going on. */
  cancel() {
    if (this.#mode === 'rest') return;
    if (this.#mode !== 'opening') this.#microphone.stop();
    this.#show('rest');
  }

  /** The recording ended by itself: what there is of it is handed over. @param {{sent: string, lost: string}} why see `Microphone` */
  end({ sent, lost }) {
    if (this.#mode === 'held' || this.#mode === 'tapped') this.#take(lost, sent);
  }

  #isTakenBy(target) {
    if (target === this.#button) return false;
    return target.closest?.(this.#pointed ? TYPES_INTO : `${TYPES_INTO}, ${PRESSED_BY_KEY}`) != null;
  }

  async #press() {
    if (this.#mode === 'tapped') return this.#take();
    if (this.#mode !== 'rest') return undefined;
    this.#since = performance.now();
    this.#show('opening');
    this.#on.onPress?.();
    try {
      await this.#microphone.open();
    } catch {
      return this.#show('rest'); // the microphone has said why
    }
    if (this.#mode === 'rest') return undefined; // cancelled meanwhile
    this.#microphone.start();
    this.#on.onStart();
    return this.#show(this.#mode === 'released' ? 'tapped' : 'held');
  }

  #release() {
    const tap = performance.now() - this.#since < TAP_MS;
    if (this.#mode === 'opening') this.#mode = 'released'; // the permission dialog took the press away
    else if (this.#mode === 'held') tap ? this.#show('tapped') : this.#take();
  }

  #letGo() {
    if (this.#byKey) this.#release();
    this.#byKey = false;
  }

  #tap() {
    this.#press();
    this.#release();
  }

  #take(lost = 'That was too short; hold the button while you speak.', note = undefined) {
    const recording = this.#microphone.stop();
    this.#show('rest');
    if ((recording.pcm.length / recording.sampleRate) * 1000 < SHORTEST_MS) this.#on.onNothing(lost);
    else this.#on.onTake(recording, note);
  }

  #show(mode) {
    this.#mode = mode;
    this.#button.textContent = LABELS[mode];
    this.#button.dataset.mode = mode;
  }
}
