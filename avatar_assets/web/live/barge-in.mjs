// Barge-in: what the persona does while the user speaks at the same time: lower its voice at once, fall silent, then stop or go on at the word.

/** So long a voice stays away by loudness alone; then Python, which hears the same a moment later, must have said so too. In ms. */
export const CONFIRM_MS = 700;
/** So much loud sound behind the onset makes the voice fall silent, and does not wait for Python. In ms. */
export const INSISTENT_MS = 80;

const VOICE = { free: 'full', suspected: 'low', insistent: 'silent', confirmed: 'silent' };

export class BargeIn {
  #on;
  #state = 'free'; // 'suspected', 'insistent': by loudness alone; 'confirmed': Python heard a voice
  #timer = 0;
  #loudMs = 0;

  /**
   * @param {object} on
   * @param {(how: 'full' | 'low' | 'silent') => void} on.voice how the persona speaks from now on; a sound that has not begun waits unless
   *   it is `full`, and what was silenced goes on at the word that was cut off
   * @param {() => void} on.stop the user has the floor
   * @param {() => void} on.falseAlarm what was loud was no voice
   */
  constructor(on) {
    this.#on = on;
  }

  /** How the persona speaks meanwhile. */
  get voice() {
    return VOICE[this.#state];
  }

  /** Something loud has begun while the persona can be heard. */
  suspect() {
    if (this.#state !== 'free') return;
    this.#to('suspected');
    this.#loudMs = 0;
    this.#timer = setTimeout(() => {
      this.#to('free');
      this.#on.falseAlarm();
    }, CONFIRM_MS);
  }

  /** It is still loud. @param {number} ms for so much longer */
  hearLoud(ms) {
    this.#loudMs += ms;
    if (this.#state === 'suspected' && this.#loudMs >= INSISTENT_MS) this.#show('insistent');
  }

  /** What Python has decided. @param {'duck' | 'stop' | 'resume'} action */
  receive(action) {
    if (action === 'stop') this.#on.stop(); // first: not a sound of it comes back
    this.#to(action === 'duck' ? 'confirmed' : 'free');
  }

  /** Nobody listens any more, or what was going on is over. */
  reset() {
    this.#to('free');
  }

  #to(state) {
    clearTimeout(this.#timer);
    this.#show(state);
  }

  #show(state) {
    const before = this.voice;
    this.#state = state;
    if (this.voice !== before) this.#on.voice(this.voice);
  }
}
