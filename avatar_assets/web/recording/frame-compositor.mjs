// Frame compositor: what the stage shows, put together on one canvas for a film: backdrop, people, captions.

/** The longer side of a film, in px, and how sharp it may be. */
const LONGEST_PX = 1280;
const SHARPEST = 2;
/** What is behind the people of a film without its backdrop: nothing, for a page or a slide. */
const BLANK = '#ffffff';

/** Size of a film of a stage: as sharp as the screen, not too large, and even, as encoders want it. In px. */
export function filmSizeOf({ width, height }, sharpness = 1) {
  const scale = Math.min(sharpness, SHARPEST, LONGEST_PX / Math.max(width, height));
  const even = (length) => Math.max(2, 2 * Math.round((length * scale) / 2));
  return { width: even(width), height: even(height) };
}

export class FrameCompositor {
  #stage;
  #behind; // painted once: it does not move
  #captions;
  #context;
  #scale;

  /**
   * @param {object} options
   * @param {HTMLElement} options.stage its shape is the film's
   * @param {HTMLCanvasElement | null} options.backdrop null: a blank one
   * @param {import('../stage/captions.mjs').Captions | null} options.captions null: none
   * @param {{width: number, height: number}} [options.size] of the film in px; see `filmSizeOf`
   */
  constructor({ stage, backdrop, captions, size }) {
    this.#stage = stage;
    this.#captions = captions;
    const { clientWidth: width, clientHeight: height } = stage;
    this.canvas = Object.assign(document.createElement('canvas'), size ?? filmSizeOf({ width, height }, devicePixelRatio));
    this.#context = this.canvas.getContext('2d', { alpha: false, willReadFrequently: true }); // the encoder reads every frame
    this.#context.imageSmoothingQuality = 'medium';
    this.#scale = this.canvas.width / width;
    this.#behind = paintedBehind(backdrop, this.canvas);
  }

  /**
   * Draws a frame.
   *
   * @param {{element: HTMLElement, picture: CanvasImageSource}[]} people from behind to the front
   */
  draw(people) {
    const context = this.#context;
    context.drawImage(this.#behind, 0, 0);
    for (const { element, picture } of people) context.drawImage(picture, ...this.#boxOf(element));
    if (!this.#captions) return;
    context.save();
    context.scale(this.#scale, this.#scale);
    this.#captions.paint(context, this.#stage.getBoundingClientRect());
    context.restore();
  }

  #boxOf(element) {
    const stage = this.#stage.getBoundingClientRect();
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left - stage.left, top - stage.top, width, height].map((length) => length * this.#scale);
  }
}

function paintedBehind(backdrop, { width, height }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  context.fillStyle = BLANK;
  context.fillRect(0, 0, width, height);
  if (backdrop) context.drawImage(backdrop, 0, 0, width, height);
  return canvas;
}
