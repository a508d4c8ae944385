// Camera: keeps the person in the picture, in the view that was chosen.

import { clock } from '../playback/frame-clock.mjs';
import { FIRST_VIEW, FLIGHT_MS, between, shotOf } from './views.mjs';

/** How fast the camera goes along with the head, per frame. */
const FOLLOW_HEAD = 0.03;

export class Camera {
  #head;
  #camera;
  #host;
  #still;
  #view = FIRST_VIEW;
  #tallest = 0;
  #flight = null; // {from, to, at}
  #shot = null; // what is seen now

  /**
   * @param {TalkingHead} head who is seen
   * @param {import('three').PerspectiveCamera} camera
   * @param {HTMLElement} host gives the picture's size
   * @param {boolean} still another view is there at once
   */
  constructor(head, camera, host, still) {
    this.#head = head;
    this.#camera = camera;
    this.#host = host;
    this.#still = still;
  }

  /**
   * @param {string} view one of `views.mjs`
   * @param {number} tallest height in m of the tallest person in the picture, so that everybody is seen from the same distance
   */
  setView(view, tallest) {
    if (view === this.#view && tallest === this.#tallest) return;
    this.#view = view;
    this.#tallest = tallest;
    this.frame(!this.#still);
  }

  /** Frames the person anew: somebody else is shown, or the picture has another size. */
  frame(flying = false) {
    const head = this.#head;
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!head.armature || !width || !height) return;
    const to = shotOf(this.#view, { width, height }, Math.max(head.avatarHeight, this.#tallest));
    this.#flight = { from: (flying && this.#shot) || to, to, at: clock.now() };
    this.#fly();
    if (!flying) this.#followHead(1);
  }

  /** Every frame. */
  follow() {
    if (this.#flight) this.#fly();
    this.#followHead(FOLLOW_HEAD);
  }

  #fly() {
    const { position, fov } = this.#camera;
    const { from, to, at } = this.#flight;
    const ms = clock.now() - at;
    this.#shot = between(from, to, ms);
    const { seen, centre } = this.#shot;
    position.set(position.x, centre, seen / (2 * Math.tan((fov * Math.PI) / 360))); // it looks straight ahead
    if (from === to || ms >= FLIGHT_MS) this.#flight = null;
  }

  /** Standing on the other leg moves the whole body; the camera goes along, unhurried. */
  #followHead(share) {
    const { position } = this.#camera;
    position.x += (this.#head.objectHead.matrixWorld.elements[12] - position.x) * share;
  }
}
