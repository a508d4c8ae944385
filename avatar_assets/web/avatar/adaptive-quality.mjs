// Adaptive quality: how much drawing the computer can bear, measured by the time between frames. The voice always comes first.

/** A measurement takes at least so many frames; `watchMs` of a level says for how long they are watched. */
const FRAMES = 6;
/** The first frames compile shaders and say nothing about the rest. */
const WARM_UP = 4;
/** A pause this long between frames is a hidden tab, not a slow one, in ms. */
const HIDDEN_MS = 2000;
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/**
 * From full beauty downwards. `slowMs` is the median time between frames that is too long at this level; what a level saves:
 * the environment map is half of the cost of a pixel, the pixel ratio their number, `mesh` is the share of the triangles that should be
 * left (and nothing is drawn that is not seen), the frame rate leaves time for others.
 * Frame rates lie above the screen's (100) or between its fractions (36 is every second frame of 60): a limit that equals
 * one would leave out frames whenever the screen is a little early.
 */
const LEVELS = [
  { environment: true, mesh: 1, pixelRatio: 2, fps: 100, slowMs: 30, watchMs: 1000 },
  { environment: true, mesh: 1, pixelRatio: 1, fps: 100, slowMs: 40, watchMs: 1000 },
  { environment: false, mesh: 0.5, pixelRatio: 1, fps: 100, slowMs: 70, watchMs: 1000 },
  { environment: false, mesh: 0.5, pixelRatio: 0.75, fps: 36, slowMs: 250, watchMs: 10000 }, // giving up is for good
  { tooSlow: true, slowMs: Infinity, watchMs: Infinity },
];
const SOFTWARE_LEVEL = 2;

/**
 * Whether a processor does the work of a graphics card.
 *
 * @param {WebGL2RenderingContext} gl
 */
export function drawnByProcessor(gl) {
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return SOFTWARE.test(String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)));
}

/** Watches the time between frames and asks for less when it grows. */
export class AdaptiveQuality {
  #apply;
  #level = 0;
  #warmUp = WARM_UP;
  #intervals = [];
  #last = null;

  /**
   * @param {WebGL2RenderingContext} gl tells whether a processor does the drawing
   * @param {(level: {environment: boolean, mesh: number, pixelRatio: number, fps: number, tooSlow?: boolean}) => void} apply
   */
  constructor(gl, apply) {
    this.#apply = apply;
    this.#set(drawnByProcessor(gl) ? SOFTWARE_LEVEL : 0);
  }

  /** @param {number} time of this frame in ms */
  frame(time) {
    const took = this.#last === null ? 0 : time - this.#last;
    this.#last = time;
    if (took > HIDDEN_MS || this.#warmUp-- > 0) return;
    this.#intervals.push(took);
    const frames = this.#intervals.length;
    const ms = this.#intervals.reduce((sum, interval) => sum + interval, 0);
    const { slowMs, watchMs } = LEVELS[this.#level];
    if (frames < FRAMES || ms < watchMs) return;
    const median = this.#intervals.sort((a, b) => a - b)[frames >> 1]; // one long frame is a new person, not a slow computer
    this.#intervals = [];
    if (median > slowMs) this.#set(this.#level + 1);
  }

  #set(level) {
    if (!LEVELS[level]) return;
    this.#level = level;
    this.#warmUp = WARM_UP;
    this.#intervals = [];
    this.#apply(LEVELS[level]);
  }
}
