// Drawn face: a person in SVG for where there is no 3-D, moved by the same weights.

import { restWeights } from './face.mjs';
import { lookOf } from './looks2d.mjs';
import { mouthOf } from './mouth2d.mjs';

const SVG = 'http://www.w3.org/2000/svg';
let faces = 0; // clip paths are found by their id in the whole page

/** What a mood does to a resting face: corners of the mouth, height and slant of the brows (inner end up is positive). */
const MOODS = {
  neutral: { smile: 0.45, brow: 0, slant: 0 },
  happy: { smile: 0.9, brow: 2, slant: 0 },
  love: { smile: 1, brow: 3, slant: 2 },
  angry: { smile: -0.35, brow: -4, slant: -7 },
  sad: { smile: -0.5, brow: 1, slant: 7 },
  fear: { smile: -0.3, brow: 6, slant: 5 },
  disgust: { smile: -0.4, brow: -3, slant: -3 },
  sleep: { smile: 0.2, brow: -1, slant: 1 },
};

/** What a state does: where the eyes go (px), how the head tilts (degrees) and the brows rise (px). */
const POSTURES = {
  listening: { gaze: [0, 0], tilt: 4, brow: 3 },
  thinking: { gaze: [6, -5], tilt: -4, brow: 2 },
};
const AT_EASE = { gaze: [0, 0], tilt: 0, brow: 0 };

const BLINK_MS = 170;
const BLINK_EVERY_MS = [1800, 5200];

const HEAD = (jaw) => {
  const [cheek, chin] = [262 + jaw * 0.5, 318 + jaw];
  return `M108 192 C108 112 150 80 200 80 C250 80 292 112 292 192 C292 ${cheek} 256 ${chin} 200 ${chin} C144 ${chin} 108 ${cheek} 108 192Z`;
};

/** Hair behind the head, and before it. */
const HAIR = {
  bob: ['M200 52 C112 50 84 120 88 200 C90 250 92 290 104 316 C128 330 150 322 160 300 L240 300 C250 322 272 330 296 316 C308 290 310 250 312 200 C316 120 288 50 200 52Z',
    'M110 204 C104 120 140 76 206 74 C270 76 298 124 290 204 C284 168 272 148 250 132 C226 150 168 158 138 150 C122 162 114 180 110 204Z'],
  short: ['M200 58 C120 56 96 116 102 190 L120 214 L280 214 L298 190 C304 116 280 56 200 58Z',
    'M108 196 C98 150 104 116 126 96 C144 66 184 58 216 62 C262 60 300 104 292 196 C288 168 282 150 270 136 C240 142 190 138 160 118 C146 136 116 152 108 196Z'],
  long: ['M200 50 C108 48 82 124 86 210 C88 280 74 330 84 392 C120 408 152 396 160 330 L240 330 C248 396 280 408 316 392 C326 330 312 280 314 210 C318 124 292 48 200 50Z',
    'M110 204 C104 124 136 78 196 74 C262 72 298 118 290 204 C286 172 262 140 216 110 C196 140 136 160 110 204Z'],
  curly: ['M200 40 C168 34 146 46 134 60 C104 62 90 88 92 110 C72 128 72 160 84 176 C74 198 82 228 98 238 C100 256 116 264 130 258 L270 258 C284 264 300 256 302 238 C318 228 326 198 316 176 C328 160 328 128 308 110 C310 88 296 62 266 60 C254 46 232 34 200 40Z',
    'M110 200 C98 176 100 150 108 140 C98 110 120 78 150 78 C166 56 234 56 250 78 C280 78 302 110 292 140 C300 158 300 180 290 200 C288 180 280 168 266 166 C252 172 240 160 238 150 C224 160 206 154 202 142 C190 156 170 156 162 146 C158 162 142 170 132 166 C120 172 112 184 110 200Z'],
};

export class Face2D {
  kind = '2d';
  #mouth;
  #shown = restWeights();
  #parts = {};
  #svg = document.createElementNS(SVG, 'svg');
  #mood = MOODS.neutral;
  #posture = AT_EASE;
  #now = { x: 0, y: 0, tilt: 0, brow: 0, smile: MOODS.neutral.smile };
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  #blinkAt = 1500;
  #id = `face-${faces++}`;
  #request = 0;

  /**
   * @param {HTMLElement} host is filled by the face
   * @param {() => import('./face.mjs').Weights} mouth asked once a frame
   */
  constructor(host, mouth) {
    this.#mouth = mouth;
    this.#svg.setAttribute('viewBox', '40 20 320 400');
    this.#svg.setAttribute('preserveAspectRatio', 'xMidYMax meet');
    host.append(this.#svg);
  }

  /**
   * Shows a person at once.
   *
   * @param {{name: string, avatar: string, mood: string, colour: string}} persona
   */
  async show({ name, avatar, mood, colour }) {
    this.#mood = MOODS[mood] ?? MOODS.neutral;
    this.#svg.setAttribute('role', 'img');
    this.#svg.setAttribute('aria-label', name);
    this.#svg.replaceChildren();
    this.#draw(lookOf(avatar), colour);
    cancelAnimationFrame(this.#request);
    this.#frame(performance.now());
  }

  /** @param {string} state what the person is doing */
  setState(state) {
    this.#posture = POSTURES[state] ?? AT_EASE;
  }

  /** The weights on the screen. */
  shown() {
    return this.#shown;
  }

  dispose() {
    cancelAnimationFrame(this.#request);
    this.#svg.remove();
  }

  #draw({ hair, hairColour, skin, iris, glasses }, colour) {
    const shade = `color-mix(in srgb, ${skin} 84%, #8a3b2a)`;
    const add = (name, attributes, parent = this.#svg) => {
      const node = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      parent.append(node);
      return node;
    };
    const parts = (this.#parts = { body: add('g', {}), head: null, eyes: [], brows: [] });
    const back = add('g', {}, parts.body);
    parts.backHair = add('path', { d: HAIR[hair][0], fill: `color-mix(in srgb, ${hairColour} 82%, black)` }, back);
    const cloth = `color-mix(in srgb, ${colour} 86%, #16212b)`;
    add('path', { d: 'M46 470 C50 384 104 364 166 346 L234 346 C296 364 350 384 354 470Z', fill: cloth }, parts.body);
    add('path', { d: 'M166 270 L166 344 C166 384 234 384 234 344 L234 270Z', fill: shade }, parts.body);
    add('path', { d: 'M166 300 L166 326 C180 344 220 344 234 326 L234 300Z', fill: '#7a2f20', opacity: 0.16 }, parts.body); // the chin's shadow
    add('path', { d: 'M164 344 C164 388 236 388 236 344', fill: 'none', stroke: `color-mix(in srgb, ${cloth} 78%, black)`, 'stroke-width': 9, 'stroke-linecap': 'round' }, parts.body);
    parts.head = add('g', {}, parts.body);
    for (const x of [110, 290]) add('ellipse', { cx: x, cy: 214, rx: 15, ry: 23, fill: shade }, parts.head);
    parts.face = add('path', { d: HEAD(0), fill: skin }, parts.head);
    for (const x of [147, 253]) add('ellipse', { cx: x, cy: 255, rx: 19, ry: 12, fill: '#e8806d', opacity: 0.22 }, parts.head);
    for (const x of [158, 242]) parts.eyes.push(this.#drawEye(add, x, iris, skin, shade, hairColour));
    add('path', { d: 'M194 232 Q190 250 203 250', fill: 'none', stroke: shade, 'stroke-width': 4.5, 'stroke-linecap': 'round' }, parts.head);
    parts.mouth = this.#drawMouth(add, skin);
    add('path', { d: HAIR[hair][1], fill: hairColour }, parts.head);
    for (const x of [158, 242]) {
      parts.brows.push(add('path', { fill: 'none', stroke: `color-mix(in srgb, ${hairColour} 88%, black)`, 'stroke-width': 6.5, 'stroke-linecap': 'round' }, parts.head));
      if (glasses) add('rect', { x: x - 31, y: 180, width: 62, height: 50, rx: 22, fill: 'none', stroke: '#4a4442', 'stroke-width': 4 }, parts.head);
    }
    if (glasses) add('path', { d: 'M189 200 Q200 194 211 200', fill: 'none', stroke: '#4a4442', 'stroke-width': 4 }, parts.head);
  }

  #drawEye(add, x, iris, skin, shade, lash) {
    const id = `${this.#id}-eye-${x}`;
    const group = add('g', {}, this.#parts.head);
    add('path', { d: eyeOutline(x, 1) }, add('clipPath', { id }, group));
    add('path', { d: eyeOutline(x, 1), fill: '#fffdfa' }, group);
    const ball = add('g', {}, add('g', { 'clip-path': `url(#${id})` }, group));
    add('circle', { cx: x, cy: 206, r: 12.5, fill: iris }, ball);
    add('circle', { cx: x, cy: 206, r: 6.2, fill: '#1c1413' }, ball);
    add('circle', { cx: x + 4.4, cy: 201, r: 3.6, fill: '#fff' }, ball);
    const lid = add('path', { fill: `color-mix(in srgb, ${skin} 70%, ${shade})` }, group);
    const line = add('path', { fill: 'none', stroke: `color-mix(in srgb, ${lash} 55%, #1c1413)`, 'stroke-width': 4.5, 'stroke-linecap': 'round' }, group);
    return { x, ball, lid, line };
  }

  #drawMouth(add, skin) {
    const group = add('g', { transform: 'translate(200 274)' }, this.#parts.head);
    const lips = add('path', { fill: `color-mix(in srgb, ${skin} 42%, #b8443f)` }, group);
    const clip = add('path', {}, add('clipPath', { id: `${this.#id}-gap` }, group));
    const inside = add('g', { 'clip-path': `url(#${this.#id}-gap)` }, group);
    add('rect', { x: -60, y: -40, width: 120, height: 110, fill: '#4e1a20' }, inside);
    const upper = add('rect', { x: -60, y: -60, width: 120, height: 60, rx: 4, fill: '#fffdf8' }, inside);
    const lower = add('rect', { x: -60, y: 0, width: 120, height: 60, rx: 4, fill: '#f3ece4' }, inside);
    const tongue = add('ellipse', { cx: 0, fill: '#dd6f74' }, inside);
    const seam = add('path', { fill: 'none', stroke: '#7d3434', 'stroke-width': 1.8, 'stroke-linejoin': 'round' }, group);
    return { lips, clip, upper, lower, tongue, seam };
  }

  #frame(time) {
    this.#request = requestAnimationFrame((next) => this.#frame(next));
    Object.assign(this.#shown, this.#mouth());
    const shape = mouthOf(this.#shown, this.#now.smile);
    this.#moveHead(time, shape.jaw);
    const { lips, clip, upper, lower, tongue, seam } = this.#parts.mouth;
    lips.setAttribute('d', shape.lips);
    for (const node of [clip, seam]) node.setAttribute('d', shape.gap);
    upper.setAttribute('y', shape.upper - 60);
    lower.setAttribute('y', shape.lower);
    tongue.setAttribute('cy', shape.tongue.y);
    tongue.setAttribute('rx', shape.tongue.rx);
    tongue.setAttribute('ry', shape.tongue.ry);
  }

  #moveHead(time, jaw) {
    const now = this.#now;
    const { gaze, tilt, brow } = this.#posture;
    const glide = (name, target) => (now[name] += (target - now[name]) * 0.08);
    glide('x', gaze[0]);
    glide('y', gaze[1]);
    glide('tilt', this.#still.matches ? 0 : tilt);
    glide('brow', brow + this.#mood.brow + 0.25 * jaw);
    glide('smile', this.#mood.smile);
    const sway = this.#still.matches ? 0 : 1;
    const breath = sway * 1.6 * Math.sin(time / 900);
    const turn = now.tilt + sway * 1.1 * Math.sin(time / 2300) + sway * 0.8 * Math.sin(time / 1370);
    const { body, head, face, eyes, brows } = this.#parts;
    body.setAttribute('transform', `translate(0 ${(2 + breath).toFixed(2)})`);
    head.setAttribute('transform', `rotate(${turn.toFixed(2)} 200 330) translate(0 ${(sway * 0.08 * jaw).toFixed(2)})`);
    face.setAttribute('d', HEAD(jaw));
    this.#parts.backHair.setAttribute('transform', `rotate(${(turn * 0.8).toFixed(2)} 200 330)`);
    const open = this.#mood === MOODS.sleep ? 0.04 : 1 - this.#blink(time);
    for (const eye of eyes) {
      eye.ball.setAttribute('transform', `translate(${now.x.toFixed(2)} ${now.y.toFixed(2)})`);
      eye.lid.setAttribute('d', lidOutline(eye.x, open));
      eye.line.setAttribute('d', lashLine(eye.x, open));
    }
    brows.forEach((node, side) => node.setAttribute('d', browLine(side, now.brow, this.#mood.slant)));
  }

  /** How far the lids are down, 0…1. */
  #blink(time) {
    if (time > this.#blinkAt + BLINK_MS) {
      const [least, most] = BLINK_EVERY_MS;
      this.#blinkAt = time + least + Math.random() * (most - least);
    }
    const share = (time - this.#blinkAt) / BLINK_MS;
    return share > 0 && share < 1 ? Math.sin(Math.PI * share) : 0;
  }
}

/** The almond of an eye around `x`; `open` 0…1 lowers its upper edge. */
function eyeOutline(x, open) {
  return `M${x - 23} 209 Q${x} ${lidHeight(open)} ${x + 23} 207 Q${x} 235 ${x - 23} 209Z`;
}

function lidOutline(x, open) {
  return `M${x - 23} 209 Q${x} ${lidHeight(1)} ${x + 23} 207 Q${x} ${lidHeight(open)} ${x - 23} 209Z`;
}

function lashLine(x, open) {
  return `M${x - 24} 210 Q${x} ${lidHeight(open)} ${x + 24} 208`;
}

function lidHeight(open) {
  return (232 - 58 * open).toFixed(2);
}

function browLine(side, lift, slant) {
  const [outer, inner] = side === 0 ? [132, 178] : [268, 222];
  return `M${outer} ${176 - lift} Q${(outer + inner) / 2} ${163 - lift} ${inner} ${173 - lift - slant}`;
}
