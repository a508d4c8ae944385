// Picture: what the stage shows, put together on one canvas for a film: backdrop, people, captions.

/** The longer side of a film, in px. */
const LONGEST_PX = 1280;
/** What is behind the people of a film without its backdrop: nothing, for a page or a slide. */
const BLANK = '#ffffff';

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
  #stills = new Map(); // seat → the last frame of whoever sits there, where there are several
  #context;
  #scale;

  /**
   * @param {object} options
   * @param {HTMLElement} options.stage its size is the picture's
   * @param {HTMLCanvasElement | null} options.backdrop null: a blank one
   * @param {import('./captions.mjs').Captions | null} options.captions null: none
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
   * Draws the stage with a new frame of one person; the others are as they were.
   *
   * @param {[string, HTMLElement][]} places seats and their elements
   * @param {string} seat
   * @param {CanvasImageSource} frame
   */
  draw(places, seat, frame) {
    if (places.length > 1) this.#keep(seat, frame);
    const context = this.#context;
    const { width, height } = this.canvas;
    if (this.#backdrop) context.drawImage(this.#backdrop, 0, 0, width, height);
    else {
      context.fillStyle = BLANK;
      context.fillRect(0, 0, width, height);
    }
    for (const [name, element] of places) {
      const still = places.length > 1 ? this.#stills.get(name) : frame;
      if (still) context.drawImage(still, ...this.#boxOf(element));
    }
    if (!this.#captions) return;
    context.save();
    context.scale(this.#scale, this.#scale);
    this.#captions.paint(context, this.#stage.getBoundingClientRect());
    context.restore();
  }

  /** A frame of WebGL is gone when the browser has shown it. */
  #keep(seat, frame) {
    const { width, height } = frame;
    let still = this.#stills.get(seat);
    if (still?.width !== width || still?.height !== height) {
      still = new OffscreenCanvas(width, height);
      this.#stills.set(seat, still);
    }
    const context = still.getContext('2d');
    context.clearRect(0, 0, width, height);
    context.drawImage(frame, 0, 0, width, height);
  }

  #boxOf(element) {
    const stage = this.#stage.getBoundingClientRect();
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left - stage.left, top - stage.top, width, height].map((length) => length * this.#scale);
  }
}
