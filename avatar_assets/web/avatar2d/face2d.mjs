// 2-D face: the renderer in SVG for where there is no 3-D, moved by the same mouth weights.

import { ACTS, AUTOMATIC } from '../acting/acts.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { restWeights } from '../lipsync/viseme-curves.mjs';
import { lookOf } from './looks2d.mjs';
import { mouthOf } from './mouth2d.mjs';
import { FIRST_VIEW, FLIGHT_MS, between, drawnShotOf } from '../avatar/views.mjs';
import { TEETH, browLine, drawPortrait, headOutline, lashLine, lidOutline } from './portrait2d.mjs';

const SVG = 'http://www.w3.org/2000/svg';
let faces = 0;

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
/** What looking at somebody beside adds, to the right: px and degrees. */
const ASIDE = { gaze: 9, tilt: 3 };

/** How often a head that nods or shakes goes there and back, in ms. */
const SWING_MS = 420;

/** How soon the face is where it should be: two thirds of the way in so many ms. */
const GLIDE_MS = 200;

/** When a photograph is handed over, after the mouth was asked for: later than most are ready, so that all are equally late. In ms. */
const DEVELOPED_MS = 60;

const BLINK_MS = 170;
const BLINK_EVERY_MS = [1800, 5200];

/** An `AvatarRenderer`. */
export class Face2D {
  height = 0;
  #host;
  #mouth;
  #shown = restWeights();
  #parts = null;
  #svg = document.createElementNS(SVG, 'svg');
  #mood = MOODS.neutral;
  #posture = AT_EASE;
  #acts = []; // {drawn, from}: what is being acted
  #liveliness = 1;
  #now = { x: 0, y: 0, tilt: 0, brow: 0, slant: 0, smile: MOODS.neutral.smile };
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  #blinkAt = 1500;
  #movedAt = 0;
  #id = `face-${faces++}`;
  #request = 0;
  #flight; // {from, to, at}: the camera on its way
  #aside = 0;
  #onFrame = null;
  #developing = false; // a photograph is being developed

  /**
   * @param {HTMLElement} host is filled by the face
   * @param {() => import('../lipsync/viseme-curves.mjs').Weights} mouth asked once a frame
   */
  constructor(host, mouth) {
    this.#mouth = mouth;
    this.#svg.setAttribute('preserveAspectRatio', 'xMidYMax meet');
    host.append(this.#svg);
    this.#host = host;
    this.#frameTo(FIRST_VIEW);
  }

  /**
   * Shows a person at once.
   *
   * @param {import('../avatar/interfaces.mjs').Persona} persona
   */
  async show({ name, avatar, mood, colour, liveliness = 1 }) {
    this.#acts = [];
    this.#liveliness = liveliness;
    this.#mood = MOODS[mood] ?? MOODS.neutral;
    this.#svg.setAttribute('role', 'img');
    this.#svg.setAttribute('aria-label', name);
    this.#svg.replaceChildren();
    this.#parts = drawPortrait(this.#svg, lookOf(avatar), colour, this.#id);
    clock.cancelFrame(this.#request);
    this.#frame(clock.now());
  }

  setState(state) {
    this.#posture = POSTURES[state] ?? AT_EASE;
  }

  act(name) {
    this.#acts.push({ drawn: (ACTS[name] ?? AUTOMATIC[name]).drawn, from: clock.now() });
  }

  setView(view) {
    if (drawnShotOf(view) !== this.#flight.to) this.#frameTo(view, this.#still.matches ? 0 : clock.now());
  }

  look(side) {
    this.#aside = side;
  }

  captureFrames(onFrame) {
    this.#onFrame = onFrame;
  }

  weights() {
    return this.#shown;
  }

  dispose() {
    clock.cancelFrame(this.#request);
    this.#host.remove();
  }

  #frame(time) {
    this.#request = clock.requestFrame((next) => this.#frame(next));
    Object.assign(this.#shown, this.#mouth());
    const shape = mouthOf(this.#shown, this.#now.smile);
    this.#moveHead(time, shape.jaw);
    const { lips, clip, upper, lower, tongue, seam } = this.#parts.mouth;
    lips.setAttribute('d', shape.lips);
    for (const node of [clip, seam]) node.setAttribute('d', shape.gap);
    upper.setAttribute('y', shape.upper - TEETH);
    lower.setAttribute('y', shape.lower);
    tongue.setAttribute('cy', shape.tongue.y);
    tongue.setAttribute('rx', shape.tongue.rx);
    tongue.setAttribute('ry', shape.tongue.ry);
    if (this.#flight.at !== null) this.#fly();
    if (this.#onFrame && !this.#developing) this.#photograph();
  }

  #frameTo(view, at = 0) {
    this.#flight = { from: this.#flight?.to ?? drawnShotOf(view), to: drawnShotOf(view), at };
    this.#fly();
  }

  #fly() {
    const { from, to, at } = this.#flight;
    const ms = clock.now() - at;
    this.#svg.setAttribute('viewBox', between(from, to, ms).map((value) => value.toFixed(1)).join(' '));
    if (ms >= FLIGHT_MS) this.#flight.at = null;
  }

  /** What is drawn, as a picture that a canvas takes: browsers make one of an SVG only by way of its text. */
  #photograph() {
    const at = clock.now();
    this.#developing = true;
    this.#svg.setAttribute('width', this.#host.clientWidth);
    this.#svg.setAttribute('height', this.#host.clientHeight);
    const image = new Image();
    const done = (good) => {
      this.#developing = false;
      if (good) setTimeout(() => this.#onFrame?.(image, at), at + DEVELOPED_MS - clock.now());
    };
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(this.#svg))}`;
  }

  #moveHead(time, jaw) {
    const now = this.#now;
    const { gaze, tilt, brow } = this.#posture;
    const act = this.#acted(time);
    const share = 1 - Math.exp(Math.min(0, this.#movedAt - time) / GLIDE_MS);
    this.#movedAt = time;
    const glide = (name, target) => (now[name] += (target - now[name]) * share);
    glide('x', gaze[0] + ASIDE.gaze * this.#aside);
    glide('y', gaze[1]);
    glide('tilt', this.#still.matches ? 0 : tilt + act.tilt + ASIDE.tilt * this.#aside);
    glide('brow', brow + this.#mood.brow + act.brow + 0.25 * jaw);
    glide('slant', this.#mood.slant + act.slant);
    glide('smile', Math.max(-1, Math.min(1.2, this.#mood.smile + act.smile)));
    const sway = this.#still.matches ? 0 : 1;
    const breath = sway * (1.6 * Math.sin(time / 900) + act.nod);
    const turn = now.tilt + sway * act.shake + sway * 1.1 * Math.sin(time / 2300) + sway * 0.8 * Math.sin(time / 1370);
    const { body, head, face, eyes, brows } = this.#parts;
    body.setAttribute('transform', `translate(0 ${(2 + breath).toFixed(2)})`);
    head.setAttribute('transform', `rotate(${turn.toFixed(2)} 200 330) translate(0 ${(sway * (0.08 * jaw + act.nod)).toFixed(2)})`);
    face.setAttribute('d', headOutline(jaw));
    this.#parts.backHair.setAttribute('transform', `rotate(${(turn * 0.8).toFixed(2)} 200 330)`);
    const lids = this.#mood === MOODS.sleep ? 0.96 : this.#blink(time);
    for (const [side, eye] of eyes.entries()) {
      const open = 1 - Math.max(lids, side && act.wink ? 0 : act.lids);
      eye.ball.setAttribute('transform', `translate(${now.x.toFixed(2)} ${now.y.toFixed(2)})`);
      eye.lid.setAttribute('d', lidOutline(eye.x, open));
      eye.line.setAttribute('d', lashLine(eye.x, open));
    }
    brows.forEach((node, side) => node.setAttribute('d', browLine(side, now.brow, now.slant)));
  }

  /** Everything that is being acted now, added up. */
  #acted(time) {
    const sum = { smile: 0, brow: 0, slant: 0, tilt: 0, nod: 0, shake: 0, lids: 0, wink: false };
    this.#acts = this.#acts.filter(({ drawn, from }) => time - from < drawn.ms);
    for (const { drawn, from } of this.#acts) {
      const share = (time - from) / drawn.ms;
      const fade = Math.max(0, Math.sin(Math.PI * share)) * this.#liveliness; // in and out again
      const swing = Math.sin((2 * Math.PI * (time - from)) / SWING_MS) * fade;
      for (const name of ['brow', 'slant', 'tilt', 'smile']) sum[name] += (drawn[name] ?? 0) * this.#liveliness;
      sum.nod += (drawn.nod ?? 0) * swing;
      sum.shake += (drawn.shake ?? 0) * swing;
      sum.lids = Math.max(sum.lids, (drawn.lids ?? 0) * Math.min(1, 2 * Math.sin(Math.PI * Math.max(0, share))));
      sum.wink ||= drawn.wink ?? false;
    }
    return sum;
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
