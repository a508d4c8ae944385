// Picture: what the stage shows, put together on one canvas for a film: backdrop, people, captions.

/** The longer side of a film, in px. */
const LONGEST_PX = 1280;
/** What is behind the people of a film without its backdrop: nothing, for a page or a slide. */
const BLANK = '#ffffff';
/** So many frames of each of several people are kept until the others' come; who has sent none for so long, in ms, is not waited for. */
const KEPT = 8;
const ABSENT_MS = 500;

/** Size of a film of a stage: as sharp as the screen, not too large, and even, as encoders want it. In px. */
export function filmSizeOf({ width, height }, sharpness = 1) {
  const scale = Math.min(sharpness, LONGEST_PX / Math.max(width, height));
  const even = (length) => Math.max(2, 2 * Math.round((length * scale) / 2));
  return { width: even(width), height: even(height) };
}

export class Picture {
  #stage;
  #backdrop;
  #captions;
  #stills = new Map(); // seat → {at, canvas}: the last frames of whoever sits there, where there are several
  #context;
  #scale;

  /**
   * @param {object} options
   * @param {HTMLElement} options.stage its size is the picture's
   * @param {HTMLCanvasElement | null} options.backdrop null: a blank one
   * @param {import('../stage/captions.mjs').Captions | null} options.captions null: none
   * @param {number} options.sharpness px of the film for each px of the stage
   */
  constructor({ stage, backdrop, captions, sharpness }) {
    this.#stage = stage;
    this.#backdrop = backdrop;
    this.#captions = captions;
    const size = filmSizeOf({ width: stage.clientWidth, height: stage.clientHeight }, sharpness);
    this.canvas = Object.assign(document.createElement('canvas'), size);
    this.#context = this.canvas.getContext('2d', { alpha: false, willReadFrequently: true }); // the film's frames are read one by one
    this.#scale = size.width / stage.clientWidth;
  }

  /**
   * Draws the stage.
   *
   * @param {[string, HTMLElement][]} places seats and their elements
   * @param {CanvasImageSource | number} shown a frame of the only person, or the moment of which the frames of several are taken: see `keep`
   */
  draw(places, shown) {
    const context = this.#context;
    const { width, height } = this.canvas;
    if (this.#backdrop) context.drawImage(this.#backdrop, 0, 0, width, height);
    else {
      context.fillStyle = BLANK;
      context.fillRect(0, 0, width, height);
    }
    for (const [name, element] of places) {
      const still = typeof shown === 'number' ? this.#stillOf(name, shown) : shown;
      if (still) context.drawImage(still, ...this.#boxOf(element));
    }
    if (!this.#captions) return;
    context.save();
    context.scale(this.#scale, this.#scale);
    this.#captions.paint(context, this.#stage.getBoundingClientRect());
    context.restore();
  }

  /**
   * Keeps a frame of one of several people: a frame of WebGL is gone when the browser has shown it, and a drawn face takes longer to come.
   *
   * @param {string[]} seats who is on the stage
   * @param {string} seat
   * @param {CanvasImageSource} frame
   * @param {number} at when its mouth was asked for (performance time in ms)
   * @returns {number} the latest moment of which there is a frame of everybody
   */
  keep(seats, seat, frame, at) {
    const stills = this.#stills.get(seat) ?? this.#stills.set(seat, []).get(seat);
    const { width, height } = frame;
    const canvas = stills.length < KEPT ? new OffscreenCanvas(width, height) : stills.shift().canvas;
    Object.assign(canvas, { width, height }); // which empties it too
    canvas.getContext('2d').drawImage(frame, 0, 0, width, height);
    stills.push({ at, canvas });
    const latest = seats.map((name) => this.#stills.get(name)?.at(-1)?.at ?? -Infinity);
    return Math.min(...latest.filter((one) => at - one < ABSENT_MS));
  }

  /** The nearest, for people who are drawn one after the other in a frame are meant for the same moment. */
  #stillOf(seat, moment) {
    const stills = this.#stills.get(seat) ?? [];
    return stills.reduce((near, one) => (near && Math.abs(near.at - moment) <= Math.abs(one.at - moment) ? near : one), null)?.canvas;
  }

  #boxOf(element) {
    const stage = this.#stage.getBoundingClientRect();
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left - stage.left, top - stage.top, width, height].map((length) => length * this.#scale);
  }
}
