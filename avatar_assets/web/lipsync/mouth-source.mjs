// Mouth source: one person's mouth at this moment; of all that is heard only their own words move it.

import { clock } from '../playback/frame-clock.mjs';
import { restWeights, weightsOf } from './viseme-curves.mjs';

/** How fast the mouth comes to rest when it is interrupted, in ms. */
const RELEASE_MS = 40;

export class MouthSource {
  #sounding;
  #weights = restWeights();
  #release = null; // {at, from}: the mouth of an interrupted word on its way to rest
  #drawnAt = 0;

  /** @param {() => {segment: object, ms: number}[]} sounding this person's segments near the moment that is heard */
  constructor(sounding) {
    this.#sounding = sounding;
  }

  /** The mouth of this moment. @returns {import('./viseme-curves.mjs').Weights} */
  weights() {
    this.#drawnAt = clock.now();
    if (this.#release) {
      const share = 1 - (this.#drawnAt - this.#release.at) / RELEASE_MS;
      for (const name of Object.keys(this.#weights)) this.#weights[name] = Math.max(0, share) * this.#release.from[name];
      if (share <= 0) this.#release = null;
      return this.#weights;
    }
    const near = this.#sounding();
    return weightsOf(
      near.map(({ segment, ms }) => ({ timeline: segment.timeline, ms })),
      this.#weights,
    );
  }

  /** Comes to rest, from what is on the screen and since it is: a slow screen rests in one frame. */
  rest() {
    this.#release = { at: this.#drawnAt, from: { ...this.#weights } };
  }
}
