// 2-D face: the renderer in SVG for where there is no 3-D, moved by the same mouth weights.

import { ActMixer } from '../acting/act-mixer.mjs';
import MOODS from '../acting/moods.json' with { type: 'json' };
import { clock } from '../playback/frame-clock.mjs';
import { restWeights } from '../lipsync/viseme-curves.mjs';
import { mouthOf } from './mouth2d.mjs';
import { FIRST_VIEW, FLIGHT_MS, between, drawnShotOf } from '../avatar/views.mjs';
import { TEETH, browLine, drawPortrait, headOutline, lashLine, lidOutline, lookOf } from './portrait2d.mjs';

const SVG = 'http://www.w3.org/2000/svg';
let faces = 0;

/** What a state does: where the eyes go (px), how the head tilts (degrees) and the brows rise (px). */
const POSTURES = {
  listening: { gaze: [0, 0], tilt: 4, brow: 3 },
  thinking: { gaze: [6, -5], tilt: -4, brow: 2 },
};
const AT_EASE = { gaze: [0, 0], tilt: 0, brow: 0 };
/** What looking at somebody beside adds, to the right: px and degrees. */
const ASIDE = { gaze: 9, tilt: 3 };

/** How soon the face is where it should be: two thirds of the way in so many ms. */
const GLIDE_MS = 200;

/** An `AvatarRenderer`. */
export class Face2D {
  height = 0;
  #host;
  #mouth;
  #shown = restWeights();
  #parts = null;
  #svg = document.createElementNS(SVG, 'svg');
  #mood = MOODS.neutral.drawn; // corners of the mouth, height and slant of the brows (inner end up is positive)
  #posture = AT_EASE;
  #acts = null;
  #sway = 1; // how much it moves by itself
  #now = { x: 0, y: 0, tilt: 0, brow: 0, slant: 0, smile: MOODS.neutral.drawn.smile };
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  #movedAt = 0;
  #id = `face-${faces++}`;
  #request = 0;
  #flight; // {from, to, at}: the camera on its way
  #aside = 0;

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
  async show({ name, avatar, mood, colour, liveliness }) {
    this.#acts = new ActMixer({ liveliness, fading: false });
    this.#sway = Math.sqrt(liveliness);
    this.#mood = (MOODS[mood] ?? MOODS.neutral).drawn;
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
    this.#acts.begin(name, clock.now());
  }

  setView(view) {
    if (drawnShotOf(view) !== this.#flight.to) this.#frameTo(view, this.#still.matches ? 0 : clock.now());
  }

  look(side) {
    this.#aside = side;
  }

  /** Browsers make a picture of an SVG only by way of its text. */
  async picture() {
    this.#svg.setAttribute('width', this.#host.clientWidth);
    this.#svg.setAttribute('height', this.#host.clientHeight);
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(this.#svg))}`;
    await image.decode();
    return image;
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

  #moveHead(time, jaw) {
    const now = this.#now;
    const { gaze, tilt, brow } = this.#posture;
    const act = this.#acts.at(time);
    const share = 1 - Math.exp(Math.min(0, this.#movedAt - time) / GLIDE_MS);
    this.#movedAt = time;
    const glide = (name, target) => (now[name] += (target - now[name]) * share);
    glide('x', gaze[0] + ASIDE.gaze * this.#aside);
    glide('y', gaze[1]);
    glide('tilt', this.#still.matches ? 0 : tilt + act.tilt + ASIDE.tilt * this.#aside);
    glide('brow', brow + this.#mood.brow + act.brow + 0.25 * jaw);
    glide('slant', this.#mood.slant + act.slant);
    glide('smile', Math.max(-1, Math.min(1.2, this.#mood.smile + act.smile)));
    const free = this.#still.matches ? 0 : 1;
    const sway = free * this.#sway;
    const breath = sway * 1.6 * Math.sin(time / 900) + free * act.nod;
    const turn = now.tilt + free * act.shake + sway * (1.1 * Math.sin(time / 2300) + 0.8 * Math.sin(time / 1370));
    const { body, head, face, eyes, brows } = this.#parts;
    body.setAttribute('transform', `translate(0 ${(2 + breath).toFixed(2)})`);
    head.setAttribute('transform', `rotate(${turn.toFixed(2)} 200 330) translate(0 ${(free * (0.08 * jaw + act.nod)).toFixed(2)})`);
    face.setAttribute('d', headOutline(jaw));
    this.#parts.backHair.setAttribute('transform', `rotate(${(turn * 0.8).toFixed(2)} 200 330)`);
    const lids = this.#mood.lids ?? this.#acts.blink(time);
    for (const [side, eye] of eyes.entries()) {
      const open = 1 - Math.max(lids, side && act.wink ? 0 : act.lids);
      eye.ball.setAttribute('transform', `translate(${now.x.toFixed(2)} ${now.y.toFixed(2)})`);
      eye.lid.setAttribute('d', lidOutline(eye.x, open));
      eye.line.setAttribute('d', lashLine(eye.x, open));
    }
    brows.forEach((node, side) => node.setAttribute('d', browLine(side, now.brow, now.slant)));
  }
}
