// Frame clock: the time of everything that is drawn. It follows the browser's, or is held and stepped frame by frame while a film is made.

/** Times are ms that never run backwards; after a film they go on from where its steps have led. */
export class FrameClock {
  #browser;
  #ahead = 0; // of the browser's clock
  #heldAt = null;
  #callbacks = new Map();
  #lastId = 0;
  #request = null;

  /** @param {{performance: Performance, requestAnimationFrame: Function, cancelAnimationFrame: Function}} [browser] */
  constructor(browser = globalThis) {
    this.#browser = browser;
  }

  now() {
    return this.#heldAt ?? this.#browser.performance.now() + this.#ahead;
  }

  /** Whether time passes by `step` only. */
  get held() {
    return this.#heldAt !== null;
  }

  /** As `requestAnimationFrame`. @param {(time: number) => void} callback  @returns {number} */
  requestFrame(callback) {
    this.#callbacks.set(++this.#lastId, callback);
    this.#schedule();
    return this.#lastId;
  }

  /** As `cancelAnimationFrame`. @param {number} id */
  cancelFrame(id) {
    this.#callbacks.delete(id);
  }

  /** From now on time passes by `step` only. */
  hold() {
    this.#heldAt = this.now();
    if (this.#request !== null) this.#browser.cancelAnimationFrame(this.#request);
    this.#request = null;
  }

  /** Time passes, and whatever waits for a frame draws it. @param {number} ms */
  step(ms) {
    this.#heldAt += ms;
    this.#draw(this.#heldAt);
  }

  /** Time passes by itself again. */
  release() {
    if (!this.held) return;
    this.#ahead = this.#heldAt - this.#browser.performance.now();
    this.#heldAt = null;
    this.#schedule();
  }

  #schedule() {
    if (this.held || this.#request !== null || !this.#callbacks.size) return;
    this.#request = this.#browser.requestAnimationFrame((time) => {
      this.#request = null;
      this.#draw(time + this.#ahead);
    });
  }

  /** One that fails costs the others nothing. */
  #draw(time) {
    const due = [...this.#callbacks.keys()];
    for (const id of due) {
      const callback = this.#callbacks.get(id);
      this.#callbacks.delete(id); // it may have been cancelled by the one before
      try {
        callback?.(time);
      } catch (error) {
        this.#browser.reportError(error);
      }
    }
  }
}

/** The stage's. */
export const clock = new FrameClock();
