// Adaptive quality, held at one level: `?mode=full` is what a good graphics card gets, `?mode=low` the most modest drawing there is.

import { AdaptiveQuality as Measured } from '/stage/avatar/adaptive-quality.mjs?real';

const LOW = new URLSearchParams(location.search).get('mode') === 'low';
/** Makes the real one believe in a graphics card, so that it starts with everything. */
const GRAPHICS_CARD = { RENDERER: 0, getExtension: () => null, getParameter: () => 'a graphics card' };
/** Frames so far apart that every level finds them too slow, in ms. */
const SLOW_MS = 1500;

/** The canvas of a processor, or of a graphics card. */
export const drawnByProcessor = () => LOW;

export class AdaptiveQuality {
  constructor(_gl, apply) {
    let level = null;
    const measured = new Measured(GRAPHICS_CARD, (next) => {
      if (!next.tooSlow) level = next;
      else measured.over = true;
    });
    for (let time = 0; LOW && !measured.over; time += SLOW_MS) measured.frame(time);
    apply(level);
  }

  frame() {}
}
