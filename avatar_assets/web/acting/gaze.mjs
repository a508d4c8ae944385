// Gaze: where the eyes of TalkingHead's avatar go, when they look ahead and when they look at somebody who stands beside.

import { clock } from '../playback/frame-clock.mjs';

/** How far TalkingHead's eye contact misses the camera with our eyes, in units of `eyesLookDown`. */
const LIFT = 0.4;
/** Looking at somebody beside: how far head and body turn (rad) and the eyes (of their morph targets); two thirds of it in so many ms. */
const TURNED = { headRotateY: 0.42, bodyRotateY: 0.16 };
const EYES_TURNED = 0.55;
const TURN_MS = 230;
/** Both eyes to the person's left, and to the right. */
const EYES = [
  ['eyeLookOutLeft', 'eyeLookInRight'],
  ['eyeLookInLeft', 'eyeLookOutRight'],
];

export class Gaze {
  #head;
  #still;
  #aside = 0;
  #turned = 0;
  #turnedAt = 0;

  /**
   * @param {TalkingHead} head
   * @param {boolean} still only the eyes move, and at once
   */
  constructor(head, still) {
    this.#head = head;
    this.#still = still;
    Object.assign(head.mtLimits, limitsOf(head));
  }

  /** @param {-1 | 0 | 1} side who is looked at: somebody to the left of the picture, whoever is before it, somebody to the right */
  look(side) {
    this.#aside = side;
  }

  /** Every frame: head, body and eyes go where they should, over whatever TalkingHead does with them meanwhile. */
  turn() {
    const now = clock.now();
    const share = this.#still ? 1 : 1 - Math.exp((this.#turnedAt - now) / TURN_MS);
    this.#turnedAt = now;
    if (!this.#aside && !this.#turned) return;
    this.#turned += (this.#aside - this.#turned) * share;
    if (!this.#aside && Math.abs(this.#turned) < 0.02) this.#turned = 0;
    const set = (name, value) => Object.assign(this.#head.mtAvatar[name], { realtime: this.#turned ? value : null, needsUpdate: true });
    if (!this.#still) for (const [name, most] of Object.entries(TURNED)) set(name, most * this.#turned);
    EYES.forEach((names, right) => {
      for (const name of names) set(name, EYES_TURNED * Math.max(0, right ? -this.#turned : this.#turned));
    });
  }
}

/** TalkingHead's eye contact looks half-way down, for eyes sculpted higher, and its lids follow; ours look straight ahead. */
function limitsOf(head) {
  const down = (value) => Math.max(0, value - LIFT);
  const lid = (side) => (value) => Math.max(value, (down(head.mtAvatar.eyesLookDown.value) + head.mtAvatar[`browDown${side}`].value) / 2);
  return { eyesLookDown: down, eyeBlinkLeft: lid('Left'), eyeBlinkRight: lid('Right') };
}
