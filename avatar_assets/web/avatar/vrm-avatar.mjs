// VRM avatar: the renderer of VRM 0.x and 1.0 through three-vrm; posture, breath, gaze and blinks are ours (`vrm-animation.mjs`).

import { DirectionalLight, HemisphereLight, Object3D, PerspectiveCamera, Scene, Vector3 } from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { VRMLoaderPlugin, VRMUtils } from 'three-vrm';
import { openRenderer } from './renderer.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { AdaptiveQuality } from './adaptive-quality.mjs';
import { restWeights } from '../lipsync/viseme-curves.mjs';
import { FIRST_VIEW, FLIGHT_MS, between, shotOf } from './views.mjs';
import { VrmAnimation } from './vrm-animation.mjs';
import { fiveOf } from '../lipsync/vrm-mouth.mjs';

const FIELD_OF_VIEW = 12;
/** What stands above the eyes, as TalkingHead measures height; and the eyes above the head's joint where a VRM has no eye bones. In m. */
const ABOVE_EYES_M = 0.2;
const EYES_ABOVE_HEAD_M = 0.07;
const LIGHTS = { sky: '#ffffff', ground: '#8d8078', around: 2.3, sun: '#fff0e0', direct: 2.6 };
/** A longer pause is a hidden tab; hair and cloth would be thrown about. In s. */
const LONGEST_STEP_S = 0.1;

/** An `AvatarRenderer`. */
export class VrmAvatar {
  #host;
  #mouth;
  #onFailure;
  #scene = new Scene();
  #camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.1, 50);
  #renderer;
  #quality;
  #vrm = null;
  #animation = null;
  #target = new Object3D();
  #shown = restWeights();
  #eyes = 0; // height in m
  #view = FIRST_VIEW;
  #tallest = 0;
  #flight = null; // {from, to, at}
  #shot = null; // what is seen now
  #state = 'idle';
  #side = 0;
  #request = 0;
  #paused = false;
  #frameMs = 0; // the least time between two frames
  #last = -Infinity;
  #resized;
  #still = matchMedia('(prefers-reduced-motion: reduce)').matches;

  /**
   * @param {HTMLElement} host is filled by the avatar
   * @param {object} options see `TalkingHeadAvatar`
   * @throws {Error} where there is no WebGL
   */
  constructor(host, { mouth, onFailure }) {
    this.#host = host;
    this.#mouth = mouth;
    this.#onFailure = onFailure;
    this.#renderer = openRenderer();
    this.#renderer.domElement.addEventListener('webglcontextlost', () => onFailure(new Error('the browser took the 3-D drawing away')));
    host.append(this.#renderer.domElement);
    const sun = new DirectionalLight(LIGHTS.sun, LIGHTS.direct);
    sun.position.set(0.7, 1.4, 1.6);
    this.#scene.add(new HemisphereLight(LIGHTS.sky, LIGHTS.ground, LIGHTS.around), sun, this.#target);
    this.#quality = new AdaptiveQuality(this.#renderer.getContext(), (level) => this.#setQuality(level));
    this.#resized = new ResizeObserver(() => this.#resize());
    this.#resized.observe(host);
  }

  /**
   * Shows a persona; the one before stays until the file is there.
   *
   * @param {import('./interfaces.mjs').Persona & {url: string}} persona `url` of a VRM that was found sound
   * @throws {Error} when it is no VRM
   */
  async show({ name, mood, url, liveliness }) {
    const loader = new GLTFLoader();
    loader.register((parser) => new VRMLoaderPlugin(parser));
    const gltf = await loader.loadAsync(url);
    const { vrm } = gltf.userData;
    if (!vrm) throw new Error('three-vrm found no VRM in it');
    VRMUtils.rotateVRM0(vrm);
    vrm.scene.traverse((part) => (part.frustumCulled = false));
    this.#leave();
    this.#vrm = vrm;
    this.#scene.add(vrm.scene);
    if (vrm.lookAt) vrm.lookAt.target = this.#target;
    this.#animation = new VrmAnimation(vrm, { mood, liveliness, still: this.#still });
    this.#animation.setState(this.#state);
    this.#animation.look(this.#side);
    this.#eyes = eyesOf(vrm);
    this.#renderer.domElement.setAttribute('role', 'img');
    this.#renderer.domElement.setAttribute('aria-label', name);
    this.#resize();
    this.#draw(clock.now()); // what a frame cannot bear is found out here and not in the middle of a word
    this.#run();
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  }

  setState(state) {
    this.#state = state;
    this.#animation?.setState(state);
  }

  act(name) {
    this.#animation?.act(name);
  }

  get height() {
    return this.#vrm ? this.#eyes + ABOVE_EYES_M : 0;
  }

  setView(view, tallest = 0) {
    if (view === this.#view && tallest === this.#tallest) return;
    this.#view = view;
    this.#tallest = tallest;
    this.#frame(!this.#still);
  }

  look(side) {
    this.#side = side;
    this.#animation?.look(side);
  }

  picture() {
    return this.#renderer.domElement;
  }

  /** The weights on the screen, before they are blended into five. */
  weights() {
    return this.#shown;
  }

  pause(paused) {
    this.#paused = paused;
    this.#host.classList.toggle('waiting', paused);
    clock.cancelFrame(this.#request);
    if (!paused && this.#vrm) this.#run();
  }

  dispose() {
    clock.cancelFrame(this.#request);
    this.#resized.disconnect();
    this.#leave();
    this.#renderer.dispose();
    this.#host.remove();
  }

  #leave() {
    if (!this.#vrm) return;
    this.#scene.remove(this.#vrm.scene);
    VRMUtils.deepDispose(this.#vrm.scene);
    this.#vrm = null;
  }

  #run() {
    clock.cancelFrame(this.#request);
    if (this.#paused) return;
    this.#request = clock.requestFrame((time) => {
      this.#run();
      if (time - this.#last < this.#frameMs) return;
      try {
        this.#draw(time);
        if (!clock.held) this.#quality.frame(time);
      } catch (error) {
        clock.cancelFrame(this.#request);
        this.#onFailure(error);
      }
    });
  }

  #draw(time) {
    const seconds = (time - this.#last) / 1000;
    this.#last = time;
    Object.assign(this.#shown, this.#mouth());
    const five = fiveOf(this.#shown);
    for (const [name, weight] of Object.entries(five)) this.#vrm.expressionManager?.setValue(name, weight);
    this.#animation.move(time, this.#camera.position, this.#target, Math.max(...Object.values(five)));
    this.#vrm.update(Math.min(seconds, LONGEST_STEP_S));
    if (this.#flight) this.#fly();
    this.#renderer.render(this.#scene, this.#camera);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!width || !height || !this.#vrm) return;
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    this.#frame(false);
    this.#renderer.render(this.#scene, this.#camera); // a canvas of another size is empty until it is drawn
  }

  #frame(flying) {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!width || !height || !this.#vrm) return;
    const to = shotOf(this.#view, { width, height }, Math.max(this.height, this.#tallest));
    this.#flight = { from: (flying && this.#shot) || to, to, at: clock.now() };
    this.#fly();
  }

  #fly() {
    const { from, to, at } = this.#flight;
    const ms = clock.now() - at;
    this.#shot = between(from, to, ms);
    const { seen, centre } = this.#shot;
    this.#camera.position.set(0, centre, seen / (2 * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)));
    this.#camera.lookAt(0, centre, 0);
    if (from === to || ms >= FLIGHT_MS) this.#flight = null;
  }

  #setQuality({ pixelRatio, fps, tooSlow }) {
    if (tooSlow) {
      this.#onFailure(new Error('this computer draws it too slowly'));
      return;
    }
    this.#renderer.setPixelRatio(Math.min(pixelRatio, devicePixelRatio));
    this.#frameMs = 1000 / fps;
    this.#resize();
  }
}

/** Height of the eyes at rest, in m. */
function eyesOf({ humanoid, scene }) {
  scene.updateMatrixWorld(true);
  const heightOf = (bone) => humanoid.getRawBoneNode(bone)?.getWorldPosition(new Vector3()).y;
  return heightOf('leftEye') ?? heightOf('head') + EYES_ABOVE_HEAD_M;
}
