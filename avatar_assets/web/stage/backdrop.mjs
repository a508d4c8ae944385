// Backdrop: what is behind the person. Quiet rooms made in code, or the user's own picture, painted once and not every frame.

/** What can be chosen, and what it is called. */
export const BACKDROPS = { plain: 'Plain', study: 'Study', evening: 'Evening', shelves: 'Shelves', own: 'My picture' };
export const FIRST_BACKDROP = 'plain';

/** A picture is painted this small, in px, and enlarged in steps: that is what puts it out of focus in every browser. */
const SOFT_WIDTH = { study: 72, shelves: 84 };
/** How much darker rooms are in a dark page. */
const DUSK = 0.45;

const PAINTERS = { plain: paintPlain, study: paintStudy, evening: paintEvening, shelves: paintShelves };

/**
 * Paints a backdrop over all of a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{name: string, colour: string, dark: boolean, image?: CanvasImageSource & {width: number, height: number}}} look one of
 *   BACKDROPS, the person's colour (hex), whether the page is dark, the user's picture for `own`
 */
export function paintBackdrop(context, { name, colour, dark, image }) {
  const { width, height } = context.canvas;
  if (name === 'own' && image) {
    context.drawImage(image, ...coverOf(image, { width, height }), 0, 0, width, height);
    return;
  }
  const painter = PAINTERS[name] ?? paintPlain;
  const soft = SOFT_WIDTH[name];
  if (soft) paintSoftly(context, soft, (small) => painter(small, { colour, dark }));
  else painter(context, { colour, dark });
}

/** The part of a picture (x, y, width, height) that fills a frame without distortion. */
export function coverOf(image, frame) {
  const scale = Math.max(frame.width / image.width, frame.height / image.height);
  const [width, height] = [frame.width / scale, frame.height / scale];
  return [(image.width - width) / 2, (image.height - height) / 2, width, height];
}

/** Two hex colours mixed; `share` of the first, 0…1. */
export function mix(one, other, share) {
  const channels = [1, 3, 5].map((at) => {
    const [a, b] = [one, other].map((hex) => parseInt(hex.slice(at, at + 2), 16));
    return Math.round(a * share + b * (1 - share));
  });
  return `#${channels.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** The room in the person's colour that `stage.css` shows until this is painted. */
function paintPlain(context, { colour, dark }) {
  const near = dark ? mix(colour, '#14181b', 0.46) : mix(colour, '#ffffff', 0.16);
  const far = dark ? mix(colour, '#0d1012', 0.15) : mix(colour, '#f1f3f4', 0.38);
  const { width, height } = context.canvas;
  const light = context.createRadialGradient(0, 0, 0, 0, 0, 1);
  light.addColorStop(0, near);
  light.addColorStop(0.78, far);
  context.save();
  context.translate(width / 2, height * 0.36);
  context.scale(width * 1.2, height * 0.95);
  context.fillStyle = light;
  context.fillRect(-2, -2, 4, 4);
  context.restore();
}

/** A wall with the light of a window on it. */
function paintStudy(context, { colour, dark }) {
  const { width, height } = context.canvas;
  const wall = mix(colour, '#e9dcc6', 0.14);
  fill(context, [0, 0, width, height], downwards(context, height, [wall, mix(wall, '#8d7a63', 0.7)]));
  const pane = { x: width * 0.07, y: height * 0.08, width: width * 0.27, height: height * 0.56 };
  const glow = context.createRadialGradient(pane.x + pane.width / 2, height * 0.34, 0, pane.x + pane.width / 2, height * 0.34, width * 0.55);
  glow.addColorStop(0, 'rgb(255 244 214 / 75%)');
  glow.addColorStop(1, 'rgb(255 244 214 / 0%)');
  fill(context, [0, 0, width, height], glow);
  fill(context, [pane.x - width * 0.015, pane.y - height * 0.015, pane.width + width * 0.03, pane.height + height * 0.03], '#f6efe2');
  const [across, down] = [2, 3];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const [x, y] = [pane.x + (column * pane.width) / across, pane.y + (row * pane.height) / down];
      fill(context, [x + 1, y + 1, pane.width / across - 1.5, pane.height / down - 1.5], mix('#fdfbf2', '#bcd7e6', 1 - row / 3));
    }
  }
  // The window's light on the wall across, and the edge of a desk.
  context.fillStyle = 'rgb(255 246 222 / 38%)';
  for (const shift of [0, width * 0.13]) {
    context.beginPath();
    context.moveTo(width * 0.64 + shift, height * 0.2);
    context.lineTo(width * 0.74 + shift, height * 0.24);
    context.lineTo(width * 0.7 + shift, height * 0.66);
    context.lineTo(width * 0.6 + shift, height * 0.62);
    context.fill();
  }
  fill(context, [0, height * 0.86, width, height * 0.14], mix(colour, '#7a5a3e', 0.12));
  if (dark) fill(context, [0, 0, width, height], `rgb(30 18 12 / ${1.2 * DUSK})`);
}

/** The sky after sunset. */
function paintEvening(context, { colour, dark }) {
  const { width, height } = context.canvas;
  const sky = dark ? ['#10142a', '#2b2550', '#6d3f63', '#a8614f'] : ['#5a6aa8', '#9c86b8', '#e2a9a4', '#f6d2a8'];
  fill(context, [0, 0, width, height], downwards(context, height * 0.86, sky.map((shade) => mix(colour, shade, 0.1))));
  for (const [far, top, swing] of [[0.55, 0.76, 0.03], [0.85, 0.84, 0.045]]) {
    context.fillStyle = mix(dark ? '#0b0d18' : '#4a4468', sky[1], far);
    context.beginPath();
    context.moveTo(0, height);
    for (let share = 0; share <= 1.001; share += 0.02) {
      context.lineTo(width * share, height * (top + swing * Math.sin(share * 7 + far * 9) + 0.4 * swing * Math.sin(share * 17)));
    }
    context.lineTo(width, height);
    context.fill();
  }
}

/** Books that nobody reads at this moment. */
function paintShelves(context, { colour, dark }) {
  const { width, height } = context.canvas;
  fill(context, [0, 0, width, height], '#5b4636');
  const chance = chances(11);
  const spines = ['#8c4a3c', '#c9a36a', '#4f6b6a', '#38485e', '#a9b39a', '#7a5a6e', '#d8c9ae', colour].map((shade) => mix(shade, '#6f5c4b', 0.72));
  const rows = 4;
  for (let row = 0; row < rows; row++) {
    const floor = ((row + 1) * height) / rows - height * 0.02;
    fill(context, [0, (row * height) / rows, width, height / rows], downwards(context, height, ['#3d2f26', '#4a392d']));
    for (let x = -1; x < width; ) {
      const [thick, tall] = [1.5 + 3.2 * chance(), (height / rows) * (0.6 + 0.27 * chance())];
      if (chance() > 0.1) fill(context, [x, floor - tall, thick, tall], spines[Math.floor(chance() * spines.length)]);
      x += thick + 0.25;
    }
    fill(context, [0, floor, width, height * 0.02], '#8a6a4d');
  }
  const lamp = context.createRadialGradient(width * 0.82, height * 0.2, 0, width * 0.82, height * 0.2, width * 0.7);
  lamp.addColorStop(0, 'rgb(255 226 170 / 50%)');
  lamp.addColorStop(1, 'rgb(255 226 170 / 0%)');
  fill(context, [0, 0, width, height], lamp);
  fill(context, [0, 0, width, height], dark ? `rgb(12 10 14 / ${DUSK})` : 'rgb(255 250 240 / 22%)');
}

/** Paints `width` px wide and enlarges by twos, each step smoothed by the browser. */
function paintSoftly(context, width, paint) {
  const { width: wide, height: high } = context.canvas;
  let picture = new OffscreenCanvas(width, Math.max(1, Math.round((width * high) / wide)));
  paint(picture.getContext('2d'));
  while (picture.width * 2 < wide) {
    const larger = new OffscreenCanvas(picture.width * 2, picture.height * 2);
    smooth(larger.getContext('2d')).drawImage(picture, 0, 0, larger.width, larger.height);
    picture = larger;
  }
  smooth(context).drawImage(picture, 0, 0, wide, high);
}

function smooth(context) {
  return Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: 'high' });
}

function fill(context, box, style) {
  context.fillStyle = style;
  context.fillRect(...box);
}

function downwards(context, height, colours) {
  const gradient = context.createLinearGradient(0, 0, 0, height);
  colours.forEach((colour, index) => gradient.addColorStop(index / (colours.length - 1), colour));
  return gradient;
}

/** The same numbers from 0 to 1 every time: Park and Miller's generator (Communications of the ACM 31, 1988). */
function chances(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}
