// Barge-in: what the persona does while the user speaks at the same time: lower its voice at once, then fall silent or go on.

/** So long a voice stays lowered by loudness alone; then Python, which hears the same a moment later, must have said so too. In ms. */
export const CONFIRM_MS = 700;

export class BargeIn {
  #on;
  #state = 'free'; // 'suspected': by loudness alone; 'ducked': Python heard a voice
  #timer = 0;

  /**
   * @param {object} on
   * @param {(ducked: boolean) => void} on.duck lower the voice, or bring it back; a sound that has not begun waits meanwhile
   * @param {() => void} on.stop fall silent
   * @param {() => void} on.falseAlarm what was loud was no voice
   */
  constructor(on) {
    this.#on = on;
  }

  /** Whether the voice is lowered. */
  get isDucked() {
    return this.#state !== 'free';
  }

  /** Something loud has begun while the persona can be heard. */
  suspect() {
    if (this.#state !== 'free') return;
    this.#to('suspected');
    this.#timer = setTimeout(() => {
      this.#to('free');
      this.#on.falseAlarm();
    }, CONFIRM_MS);
  }

  /** What Python has decided. @param {'duck' | 'stop' | 'resume'} action */
  receive(action) {
    if (action === 'stop') this.#on.stop(); // first: not a sound of it comes back
    this.#to(action === 'duck' ? 'ducked' : 'free');
  }

  /** Nobody listens any more, or what was going on is over. */
  reset() {
    this.#to('free');
  }

  #to(state) {
    clearTimeout(this.#timer);
    const changes = this.isDucked !== (state !== 'free');
    this.#state = state;
    if (changes) this.#on.duck(state !== 'free');
  }
}
