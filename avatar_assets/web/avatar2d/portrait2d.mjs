// Portrait: the looks and the parts of the 2-D face in SVG, and the outlines that change as it moves.

const SVG = 'http://www.w3.org/2000/svg';
const EYES = [158, 242]; // their middles, from left to right
const LINE = { fill: 'none', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };

/** Hair behind the head, and before it. */
const HAIR = {
  bob: [
    'M200 52 C112 50 84 120 88 200 C90 250 92 290 104 316 C128 330 150 322 160 300 L240 300 C250 322 272 330 296 316 C308 290 310 250 312 200 C316 120 288 50 200 52Z',
    'M110 204 C104 120 140 76 206 74 C270 76 298 124 290 204 C284 168 272 148 250 132 C226 150 168 158 138 150 C122 162 114 180 110 204Z',
  ],
  short: [
    'M200 58 C120 56 96 116 102 190 L120 214 L280 214 L298 190 C304 116 280 56 200 58Z',
    'M108 196 C98 150 104 116 126 96 C144 66 184 58 216 62 C262 60 300 104 292 196 C288 168 282 150 270 136 C240 142 190 138 160 118 C146 136 116 152 108 196Z',
  ],
  crop: [
    'M200 62 C126 60 100 112 104 176 L118 204 L282 204 L296 176 C300 112 274 60 200 62Z',
    'M106 194 C98 132 112 92 136 82 L142 68 L154 72 L164 58 L176 64 L188 53 L200 61 L214 53 L224 63 L238 58 L246 71 L259 69 L264 83 C288 94 302 132 294 194 C290 164 282 140 266 124 C226 112 174 112 134 124 C118 140 110 164 106 194Z',
  ],
  bun: [
    'M200 20 C156 20 156 88 200 88 C244 88 244 20 200 20Z M200 60 C122 58 98 116 104 190 L120 208 L280 208 L296 190 C302 116 278 58 200 60Z',
    'M108 198 C98 118 138 70 200 70 C262 70 302 118 292 198 C286 150 258 120 200 116 C142 120 114 150 108 198Z',
  ],
  long: [
    'M200 50 C108 48 82 124 86 210 C88 280 74 330 84 392 C120 408 152 396 160 330 L240 330 C248 396 280 408 316 392 C326 330 312 280 314 210 C318 124 292 48 200 50Z',
    'M110 204 C104 124 136 78 196 74 C262 72 298 118 290 204 C286 172 262 140 216 110 C196 140 136 160 110 204Z',
  ],
  curly: [
    'M200 40 C168 34 146 46 134 60 C104 62 90 88 92 110 C72 128 72 160 84 176 C74 198 82 228 98 238 C100 256 116 264 130 258 L270 258 C284 264 300 256 302 238 C318 228 326 198 316 176 C328 160 328 128 308 110 C310 88 296 62 266 60 C254 46 232 34 200 40Z',
    'M110 200 C98 176 100 150 108 140 C98 110 120 78 150 78 C166 56 234 56 250 78 C280 78 302 110 292 140 C300 158 300 180 290 200 C288 180 280 168 266 166 C252 172 240 160 238 150 C224 160 206 154 202 142 C190 156 170 156 162 146 C158 162 142 170 132 166 C120 172 112 184 110 200Z',
  ],
};

/**
 * @typedef {object} Look
 * @property {'bob' | 'short' | 'crop' | 'bun' | 'long' | 'curly'} hair
 * @property {string} hairColour
 * @property {string} skin
 * @property {string} iris
 * @property {boolean} glasses
 */

/** @type {Look[]} */
const LOOKS = [
  { hair: 'bob', hairColour: '#2b2224', skin: '#f1cba9', iris: '#4a2f22', glasses: false },
  { hair: 'short', hairColour: '#b5afa6', skin: '#f0c6a8', iris: '#4f6f86', glasses: true },
  { hair: 'bun', hairColour: '#2a1b16', skin: '#8a5636', iris: '#4a2d1b', glasses: false },
  { hair: 'crop', hairColour: '#231a16', skin: '#cb9263', iris: '#5a3a1e', glasses: false },
  { hair: 'curly', hairColour: '#8a4526', skin: '#c98f68', iris: '#3c5a3a', glasses: false },
  { hair: 'long', hairColour: '#c79a54', skin: '#f6d3b8', iris: '#3f7fa0', glasses: false },
];

/** The looks of our own avatars resemble them; any other name gets one of the looks, the same one every time. */
const OWN_LOOK = { mia: 0, leo: 1, ava: 2, nova: 3 };

/**
 * @param {string} avatar stem of an avatar's file
 * @returns {Look}
 */
export function lookOf(avatar) {
  const sum = [...avatar].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)) >>> 0, 7);
  return LOOKS[Object.hasOwn(OWN_LOOK, avatar) ? OWN_LOOK[avatar] : sum % LOOKS.length];
}

/**
 * @typedef {object} Eye One eye: where it is and what moves in it.
 * @property {number} x
 * @property {SVGElement} ball
 * @property {SVGElement} lid
 * @property {SVGElement} line the lashes
 *
 * @typedef {object} Portrait The parts that move.
 * @property {SVGElement} body
 * @property {SVGElement} backHair
 * @property {SVGElement} head
 * @property {SVGElement} face
 * @property {Eye[]} eyes
 * @property {SVGElement[]} brows
 * @property {{lips: SVGElement, clip: SVGElement, upper: SVGElement, lower: SVGElement, tongue: SVGElement, seam: SVGElement}} mouth
 */

function add(parent, name, attributes = {}) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

/**
 * Draws a person into an empty SVG of 400 by 440.
 *
 * @param {SVGElement} svg
 * @param {Look} look
 * @param {string} colour of the clothes, hex
 * @param {string} id unique in the page: clip paths are found by their id
 * @returns {Portrait}
 */
export function drawPortrait(svg, look, colour, id) {
  const { hair, hairColour, skin, glasses } = look;
  const shade = `color-mix(in srgb, ${skin} 84%, #8a3b2a)`;
  const cloth = `color-mix(in srgb, ${colour} 86%, #16212b)`;
  const hem = `color-mix(in srgb, ${cloth} 78%, black)`;
  const body = add(svg, 'g');
  const backHair = add(body, 'path', { d: HAIR[hair][0], fill: `color-mix(in srgb, ${hairColour} 82%, black)` });
  add(body, 'path', { d: 'M46 470 C50 384 104 364 166 346 L234 346 C296 364 350 384 354 470Z', fill: cloth });
  add(body, 'path', { d: 'M166 270 L166 344 C166 384 234 384 234 344 L234 270Z', fill: shade });
  // The shadow of the chin.
  add(body, 'path', { d: 'M166 300 L166 326 C180 344 220 344 234 326 L234 300Z', fill: '#7a2f20', opacity: 0.16 });
  add(body, 'path', { ...LINE, d: 'M164 344 C164 388 236 388 236 344', stroke: hem, 'stroke-width': 9 });
  const head = add(body, 'g');
  for (const cx of [110, 290]) add(head, 'ellipse', { cx, cy: 214, rx: 15, ry: 23, fill: shade });
  const face = add(head, 'path', { d: headOutline(0), fill: skin });
  for (const cx of [147, 253]) add(head, 'ellipse', { cx, cy: 255, rx: 19, ry: 12, fill: '#e8806d', opacity: 0.22 });
  const eyes = EYES.map((x) => drawEye(head, x, look, shade, `${id}-eye-${x}`));
  add(head, 'path', { ...LINE, d: 'M194 232 Q190 250 203 250', stroke: shade, 'stroke-width': 4.5 });
  const mouth = drawMouth(head, skin, `${id}-mouth`);
  add(head, 'path', { d: HAIR[hair][1], fill: hairColour });
  const browColour = `color-mix(in srgb, ${hairColour} 88%, black)`;
  const brows = EYES.map(() => add(head, 'path', { ...LINE, stroke: browColour, 'stroke-width': 6.5 }));
  if (glasses) drawGlasses(head);
  return { body, backHair, head, face, eyes, brows, mouth };
}

function drawEye(head, x, { iris, skin, hairColour }, shade, id) {
  const group = add(head, 'g');
  const almond = `M${x - 23} 209 Q${x} ${lidHeight(1)} ${x + 23} 207 Q${x} 235 ${x - 23} 209Z`;
  add(add(group, 'clipPath', { id }), 'path', { d: almond });
  add(group, 'path', { d: almond, fill: '#fffdfa' });
  const ball = add(add(group, 'g', { 'clip-path': `url(#${id})` }), 'g');
  add(ball, 'circle', { cx: x, cy: 206, r: 12.5, fill: iris });
  add(ball, 'circle', { cx: x, cy: 206, r: 6.2, fill: '#1c1413' });
  add(ball, 'circle', { cx: x + 4.4, cy: 201, r: 3.6, fill: '#fff' });
  const lid = add(group, 'path', { fill: `color-mix(in srgb, ${skin} 70%, ${shade})` });
  const line = add(group, 'path', { ...LINE, stroke: `color-mix(in srgb, ${hairColour} 55%, #1c1413)`, 'stroke-width': 4.5 });
  return { x, ball, lid, line };
}

function drawMouth(head, skin, id) {
  const group = add(head, 'g', { transform: 'translate(200 274)' });
  const lips = add(group, 'path', { fill: `color-mix(in srgb, ${skin} 42%, #b8443f)` });
  const clip = add(add(group, 'clipPath', { id }), 'path');
  const inside = add(group, 'g', { 'clip-path': `url(#${id})` });
  add(inside, 'rect', { x: -60, y: -40, width: 120, height: 110, fill: '#4e1a20' });
  const upper = add(inside, 'rect', { x: -60, width: 120, height: TEETH, rx: 4, fill: '#fffdf8' });
  const lower = add(inside, 'rect', { x: -60, width: 120, height: TEETH, rx: 4, fill: '#f3ece4' });
  const tongue = add(inside, 'ellipse', { cx: 0, fill: '#dd6f74' });
  const seam = add(group, 'path', { ...LINE, stroke: '#7d3434', 'stroke-width': 1.8 });
  return { lips, clip, upper, lower, tongue, seam };
}

function drawGlasses(head) {
  const frame = { ...LINE, stroke: '#4a4442', 'stroke-width': 4 };
  for (const x of EYES) add(head, 'rect', { ...frame, x: x - 31, y: 180, width: 62, height: 50, rx: 22 });
  add(head, 'path', { ...frame, d: 'M189 200 Q200 194 211 200' });
}

/** Height of a row of teeth; most of it lies behind the lips. */
export const TEETH = 60;

/** The head with its chin `jaw` lower than at rest. */
export function headOutline(jaw) {
  const [cheek, chin] = [262 + jaw * 0.5, 318 + jaw];
  return `M108 192 C108 112 150 80 200 80 C250 80 292 112 292 192 C292 ${cheek} 256 ${chin} 200 ${chin} C144 ${chin} 108 ${cheek} 108 192Z`;
}

/** What an upper lid covers of the eye around `x`; `open` from 0 to 1. */
export function lidOutline(x, open) {
  return `M${x - 23} 209 Q${x} ${lidHeight(1)} ${x + 23} 207 Q${x} ${lidHeight(open)} ${x - 23} 209Z`;
}

/** The lashes at the edge of that lid. */
export function lashLine(x, open) {
  return `M${x - 24} 210 Q${x} ${lidHeight(open)} ${x + 24} 208`;
}

/** A brow, `side` 0 on the left; `lift` raises all of it, `slant` its inner end. */
export function browLine(side, lift, slant) {
  const [outer, inner] = side === 0 ? [132, 178] : [268, 222];
  return `M${outer} ${176 - lift} Q${(outer + inner) / 2} ${163 - lift} ${inner} ${173 - lift - slant}`;
}

function lidHeight(open) {
  return (232 - 58 * open).toFixed(2);
}
