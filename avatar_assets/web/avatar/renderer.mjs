// Scene renderer: canvas, camera and lights of a 3-D avatar, and what of them is left out where a processor draws.

import {
  AmbientLight,
  DirectionalLight,
  NeutralToneMapping,
  PMREMGenerator,
  PerspectiveCamera,
  Scene,
  WebGLRenderer,
} from 'three';
import { RoomEnvironment } from 'three/addons/environments/RoomEnvironment.js';
import { drawnByProcessor } from './adaptive-quality.mjs';

const FIELD_OF_VIEW = 10;
const NEAR_M = 0.1;
const FAR_M = 200;
const AMBIENT = 0.35;
/** Without the environment map the ambient light has to do its part. */
const AMBIENT_ALONE = 1.5;
const ENVIRONMENT = 0.65;
/** How often a frame that is being drawn is asked whether it is done. */
const POLL_MS = 8;
/** From the right, above, before the person: distance in m, angles in rad from above and from the front. */
const SUN = { colour: '#fff0e0', intensity: 4.5, at: [2, 1, 0.7] };

export class SceneRenderer {
  scene = new Scene();
  camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, NEAR_M, FAR_M);
  #host;
  #renderer;
  #ambient = new AmbientLight('#ffffff', AMBIENT_ALONE);
  #environment = null; // what is reflected: a render target

  /**
   * @param {HTMLElement} host gets the canvas and gives its size
   * @param {() => void} onLost the browser took the canvas's context away
   * @throws {Error} where there is no WebGL
   */
  constructor(host, onLost) {
    this.#host = host;
    this.#renderer = openRenderer();
    this.canvas.addEventListener('webglcontextlost', onLost);
    host.append(this.canvas);
    const sun = new DirectionalLight(SUN.colour, SUN.intensity);
    sun.position.setFromSphericalCoords(...SUN.at);
    this.scene.add(this.#ambient, sun);
    this.scene.environmentIntensity = ENVIRONMENT;
  }

  /** @returns {HTMLCanvasElement} */
  get canvas() {
    return this.#renderer.domElement;
  }

  /** @returns {WebGL2RenderingContext} */
  get context() {
    return this.#renderer.getContext();
  }

  /**
   * Draws with so much light and so many pixels from now on.
   *
   * @param {{environment: boolean, pixelRatio: number}} level see `adaptive-quality.mjs`
   */
  setQuality({ environment, pixelRatio }) {
    if (environment !== Boolean(this.#environment)) {
      this.#environment?.dispose();
      this.#environment = environment ? environmentOf(this.#renderer) : null;
      this.scene.environment = this.#environment?.texture ?? null;
      this.#ambient.intensity = environment ? AMBIENT : AMBIENT_ALONE;
    }
    this.#renderer.setPixelRatio(Math.min(pixelRatio, devicePixelRatio));
    this.resize();
  }

  /** Takes the host's size and draws at once: a canvas of another size is empty until it is drawn. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!width || !height) return;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.#renderer.setSize(width, height);
    this.draw();
  }

  draw() {
    this.#renderer.render(this.scene, this.camera);
  }

  /** Resolves when what was drawn last can be seen: the first frame compiles shaders, which takes seconds without a GPU. */
  async onScreen() {
    const { context: gl } = this;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const drawn = () => gl.isContextLost() || gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED;
    while (!drawn()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    gl.deleteSync(fence);
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame); // on its way from the canvas to the screen
  }

  /** Gives the context back: a browser has few of them. */
  dispose() {
    this.#environment?.dispose();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
    this.canvas.remove();
  }
}

/**
 * A canvas to draw on. Smooth edges take a processor as long as everything else together: it draws without.
 *
 * @returns {WebGLRenderer}
 * @throws {Error} where there is no WebGL
 */
export function openRenderer() {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('webgl2', { alpha: true, antialias: false });
  const ours = context && drawnByProcessor(context);
  if (!ours) context?.getExtension('WEBGL_lose_context')?.loseContext();
  const renderer = new WebGLRenderer(ours ? { canvas, context } : { alpha: true, antialias: true });
  renderer.toneMapping = NeutralToneMapping;
  return renderer;
}

function environmentOf(renderer) {
  const generator = new PMREMGenerator(renderer);
  const room = new RoomEnvironment();
  const target = generator.fromScene(room);
  room.dispose();
  generator.dispose();
  return target;
}
