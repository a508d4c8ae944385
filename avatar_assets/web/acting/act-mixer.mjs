// Act mixer: adds up the acts in progress and blinks, for renderers that have no animation queue of their own (2-D face, VRM).

import { actOf } from './acts.mjs';

/** How often a head that nods or shakes goes there and back, in ms. */
const SWING_MS = 420;
const BLINK_MS = 170;
const BLINK_EVERY_MS = [1800, 5200];
const HELD = ['smile', 'brow', 'slant', 'tilt'];

export class ActMixer {
  #liveliness;
  #fading;
  #acts = []; // {drawn, from}
  #blinkAt = 1500;

  /**
   * @param {object} options
   * @param {number} options.liveliness see `Persona`
   * @param {boolean} options.fading whether acts fade in and out here; otherwise the renderer glides
   */
  constructor({ liveliness, fading }) {
    this.#liveliness = liveliness;
    this.#fading = fading;
  }

  /** @param {string} name of an act  @param {number} time ms at which it begins */
  begin(name, time) {
    this.#acts.push({ drawn: actOf(name).drawn, from: time });
  }

  /** Everything that is acted at `time` (ms), added up. @returns {Omit<import('./acts.mjs').Drawn, 'ms'>} */
  at(time) {
    const sum = { smile: 0, brow: 0, slant: 0, tilt: 0, nod: 0, shake: 0, lids: 0, wink: false };
    this.#acts = this.#acts.filter(({ drawn, from }) => time - from < drawn.ms);
    for (const { drawn, from } of this.#acts) {
      const fade = Math.max(0, Math.sin((Math.PI * (time - from)) / drawn.ms)); // in and out again
      const swing = Math.sin((2 * Math.PI * (time - from)) / SWING_MS) * fade * this.#liveliness;
      for (const name of HELD) sum[name] += (drawn[name] ?? 0) * this.#liveliness * (this.#fading ? fade : 1);
      sum.nod += (drawn.nod ?? 0) * swing;
      sum.shake += (drawn.shake ?? 0) * swing;
      sum.lids = Math.max(sum.lids, (drawn.lids ?? 0) * Math.min(1, 2 * fade));
      sum.wink ||= drawn.wink ?? false;
    }
    return sum;
  }

  /** How far the lids are down in a blink at `time` (ms), 0…1. */
  blink(time) {
    if (time > this.#blinkAt + BLINK_MS) {
      const [least, most] = BLINK_EVERY_MS;
      this.#blinkAt = time + least + Math.random() * (most - least);
    }
    const share = (time - this.#blinkAt) / BLINK_MS;
    return share > 0 && share < 1 ? Math.sin(Math.PI * share) : 0;
  }
}
