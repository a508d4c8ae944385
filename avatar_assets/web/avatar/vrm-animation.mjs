// VRM animation: how a VRM stands, breathes, looks, blinks and acts: small movements from slow waves, moods and acts by its expressions.

import { ActMixer } from '../acting/act-mixer.mjs';
import MOODS from '../acting/moods.json' with { type: 'json' };
import { clock } from '../playback/frame-clock.mjs';

/** Arms hang from a T-pose, elbows and fingers a little bent, in rad. Of the left side in VRM 1.0's axes; the right is its mirror image. */
const STANCE = {
  UpperArm: [0.05, -0.1, -1.24],
  LowerArm: [0, -0.22, -0.06],
  Hand: [0, 0, -0.05],
  ...Object.fromEntries(
    ['Index', 'Middle', 'Ring', 'Little'].flatMap((finger) => ['Proximal', 'Intermediate'].map((bone) => [finger + bone, [0, 0, -0.3]])),
  ),
};
const SIDES = { left: 1, right: -1 };
/** Expressions that change the mouth leave it to the words: this much of them goes when it is wide open. */
const LEFT_TO_WORDS = 0.7;
/** Where the eyes go in a state, from the camera (m), and how the head tilts (rad). */
const POSTURES = { listening: { eyes: [0, 0], tilt: 0.07 }, thinking: { eyes: [0.9, 0.7], tilt: -0.06 } };
const AT_EASE = { eyes: [0, 0], tilt: 0 };
/** Looking at somebody beside: how far head and eyes turn (rad, m), and how fast everything goes where it should, per frame. */
const ASIDE = { turn: 0.45, eyes: 2.5 };
const SPEED = 0.08;
/** The 2-D face's units (px, degrees) as radians and weights. */
const NOD = 0.018;
const DEGREE = Math.PI / 180;

export class VrmAnimation {
  #vrm;
  #mood;
  #lively; // the share of its own small movements
  #still;
  #flip; // VRM 0.x looks the other way: x and z are the other way round
  #posture = AT_EASE;
  #side = 0;
  #acts;
  #now = { tilt: 0, turn: 0, x: 0, y: 0 };

  /**
   * @param {import('three-vrm').VRM} vrm
   * @param {{mood: string, liveliness: number, still: boolean}} options `still`: eyes and face only
   */
  constructor(vrm, { mood, liveliness, still }) {
    this.#vrm = vrm;
    this.#mood = (MOODS[mood] ?? MOODS.neutral).expressions;
    this.#acts = new ActMixer({ liveliness, fading: true });
    this.#lively = still ? 0 : Math.sqrt(liveliness);
    this.#still = still;
    this.#flip = vrm.meta?.metaVersion === '0' ? -1 : 1;
    for (const [side, sign] of Object.entries(SIDES))
      for (const [bone, [x, y, z]] of Object.entries(STANCE)) this.#turn(`${side}${bone}`, x, sign * y, sign * z);
  }

  setState(state) {
    this.#posture = POSTURES[state] ?? AT_EASE;
  }

  look(side) {
    this.#side = side;
  }

  act(name) {
    this.#acts.begin(name, clock.now());
  }

  /**
   * Every frame.
   *
   * @param {number} time in ms
   * @param {Vector3} camera
   * @param {Object3D} target goes where the eyes look
   * @param {number} spoken how far the mouth is formed, 0…1
   */
  move(time, camera, target, spoken) {
    const act = this.#acts.at(time);
    const now = this.#now;
    const glide = (name, to) => (now[name] += (to - now[name]) * (this.#still ? 1 : SPEED));
    glide('tilt', this.#still ? 0 : this.#posture.tilt + act.tilt * DEGREE);
    glide('turn', this.#still ? 0 : this.#side * ASIDE.turn);
    glide('x', this.#posture.eyes[0] + this.#side * ASIDE.eyes);
    glide('y', this.#posture.eyes[1]);
    const lively = this.#lively;
    const wave = (period, size) => lively * size * Math.sin((2 * Math.PI * time) / period);
    const breath = wave(4100, 1);
    this.#turn('spine', 0.012 * breath, wave(9700, 0.02), wave(7300, 0.008));
    this.#turn('chest', 0.014 * breath, 0, 0);
    this.#turn('neck', 0, 0.4 * now.turn + wave(6100, 0.02), 0.4 * now.tilt);
    const free = this.#still ? 0 : 1;
    const nod = free * act.nod * NOD + wave(5300, 0.015) + 0.03 * spoken * lively;
    const turn = 0.6 * now.turn + free * act.shake * DEGREE + wave(4700, 0.025);
    this.#turn('head', nod, turn, 0.6 * now.tilt + wave(6700, 0.012));
    const [x, y, z] = STANCE.UpperArm;
    for (const [side, sign] of Object.entries(SIDES)) this.#turn(`${side}UpperArm`, x, sign * y, sign * (z + 0.012 * breath));
    target.position.set(camera.x + now.x, camera.y + now.y, camera.z);
    this.#express(time, act, spoken);
  }

  #express(time, act, spoken) {
    const manager = this.#vrm.expressionManager;
    if (!manager) return;
    const quiet = 1 - LEFT_TO_WORDS * spoken;
    const { happy = 0, relaxed = 0, angry = 0, sad = 0, surprised = 0, blink = 0 } = this.#mood;
    const set = (name, weight) => manager.setValue(name, Math.min(1, Math.max(0, weight)));
    set('happy', quiet * (happy + 0.6 * Math.max(0, act.smile)));
    set('relaxed', quiet * relaxed);
    set('angry', quiet * (angry + (act.slant < 0 ? 0.5 : 0)));
    set('sad', quiet * (sad + (act.smile < 0 && act.slant >= 0 ? 0.5 : 0)));
    set('surprised', quiet * (surprised + (act.brow > 8 ? 0.6 : 0)));
    const lids = Math.max(blink, this.#acts.blink(time), act.wink ? 0 : act.lids);
    set('blink', lids);
    set('blinkLeft', act.wink && lids < 0.5 ? act.lids : 0);
  }

  #turn(bone, x, y, z) {
    this.#vrm.humanoid.getNormalizedBoneNode(bone)?.rotation.set(this.#flip * x, y, this.#flip * z);
  }
}
