// Backdrop: what is behind the person, drawn when it changes and not every frame: a picture of a room, or the user's own.
// The pictures (`backdrops/ROOM-light.webp`, `-dark.webp`) are transparent where the person's colour shows through; they are stretched.

import TABLE from './backdrops/backdrops.json' with { type: 'json' };

/** What can be chosen, and what it is called. @type {Record<string, string>} */
export const BACKDROPS = { ...TABLE.rooms, own: 'My picture' };
export const FIRST_BACKDROP = TABLE.first;

/** Sharper than this is not seen behind a person. */
const SHARPEST = 2;

/**
 * @typedef {CanvasImageSource & {width: number, height: number}} Picture
 *
 * @typedef {object} Look
 * @property {string} name one of BACKDROPS
 * @property {string} colour of the person, hex
 * @property {boolean} dark whether the page is
 * @property {Picture | null} image the user's own; where it is missing, `own` is the first room
 */

export class Backdrop {
  #canvas;
  #load;
  #rooms = new Map(); // file → promise of its picture
  #look = null;
  #shown = null; // {look, picture}

  /**
   * @param {HTMLCanvasElement} canvas as large as the page lays it out
   * @param {(file: string) => Promise<Picture>} [load] fetches a picture of `backdrops`
   */
  constructor(canvas, load = loadPicture) {
    this.#canvas = canvas;
    this.#load = load;
  }

  /**
   * Shows a backdrop; the one before stays until its picture is there.
   *
   * @param {Look} look
   * @returns {Promise<void>} when it is drawn, or another was asked for meanwhile
   * @throws {Error} when the picture of a room cannot be loaded
   */
  async show(look) {
    this.#look = look;
    const picture = look.name === 'own' && look.image ? look.image : await this.#roomOf(look);
    if (look !== this.#look) return;
    this.#shown = { look, picture };
    this.draw();
  }

  /** Draws what is shown, in the size that the canvas has now. */
  draw() {
    if (!this.#shown) return;
    const { look, picture } = this.#shown;
    const scale = Math.min(SHARPEST, devicePixelRatio);
    const { clientWidth, clientHeight } = this.#canvas;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * scale)));
    Object.assign(this.#canvas, { width, height }).dataset.shown = look.name;
    const context = Object.assign(this.#canvas.getContext('2d'), { imageSmoothingQuality: 'high', fillStyle: look.colour });
    context.fillRect(0, 0, width, height);
    if (picture === look.image) context.drawImage(picture, ...coverOf(picture, { width, height }), 0, 0, width, height);
    else context.drawImage(picture, 0, 0, width, height);
  }

  #roomOf({ name, dark }) {
    const room = Object.hasOwn(TABLE.rooms, name) ? name : FIRST_BACKDROP;
    const file = `${room}-${dark ? 'dark' : 'light'}.webp`;
    if (!this.#rooms.has(file)) this.#rooms.set(file, this.#load(file));
    return this.#rooms.get(file).catch((error) => {
      this.#rooms.delete(file); // the next time it may be there
      throw new Error(`The background ${BACKDROPS[room]} could not be loaded: ${error.message}`);
    });
  }
}

/** The part of a picture (x, y, width, height) that fills a frame without distortion. */
export function coverOf(picture, frame) {
  const scale = Math.max(frame.width / picture.width, frame.height / picture.height);
  const [width, height] = [frame.width / scale, frame.height / scale];
  return [(picture.width - width) / 2, (picture.height - height) / 2, width, height];
}

async function loadPicture(file) {
  const image = new Image();
  image.src = new URL(`backdrops/${file}`, import.meta.url);
  await image.decode();
  return image;
}
