// TalkingHead avatar: the renderer of GLB avatars. TalkingHead moves the body, gaze, lids and moods; the mouth comes from our own clock.

import { TalkingHead } from 'talkinghead';
import { DIRECTIONS, actOf, templateOf } from '../acting/acts.mjs';
import { Camera } from './camera.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { VISEMES } from '../lipsync/viseme-curves.mjs';
import { CUES, HANDS_FROM, followOptions, movementOf } from '../acting/gestures.mjs';
import { SceneRenderer } from './renderer.mjs';
import { AdaptiveQuality } from './adaptive-quality.mjs';
import { SkinnedMeshes } from './low_power/skinned-meshes.mjs';
import { makeMipmaps } from './low_power/mipmaps.mjs';
import { Gaze } from '../acting/gaze.mjs';

/** How long a mood lasts that a stage direction brought, if nothing else comes, in ms of TalkingHead's clock. */
const MOOD_MS = 9000;
/** How long hands stay at a gesture, in ms of TalkingHead's clock. */
const GESTURE_MS = 2200;

/** TalkingHead makes an AudioContext of its own; nothing is ever played in it, so it is closed and this stands in. */
const SILENT_CONTEXT = { state: 'closed', resume: async () => {}, suspend: async () => {}, close: async () => {} };

/** An `AvatarRenderer`. */
export class TalkingHeadAvatar {
  #host;
  #head;
  #mouth;
  #onFailure;
  #quality;
  #state = 'idle';
  #nextCue = 0;
  #mood = 'neutral'; // at rest
  #moodUntil = Infinity;
  #gestureUntil = Infinity;
  #liveliness = 1;
  #mesh = 1; // the share of the triangles that is drawn
  #meshes = null;
  #drawing;
  #camera;
  #resized;
  #gaze;
  #root = null; // who stands there
  #request = 0;
  #frameMs = 0; // the least time between two frames
  #last = 0;
  #still = matchMedia('(prefers-reduced-motion: reduce)').matches;

  /**
   * @param {HTMLElement} host is filled by the avatar
   * @param {object} options
   * @param {() => import('../lipsync/viseme-curves.mjs').Weights} options.mouth asked once a frame
   * @param {(bins: Uint8Array) => void} options.spectrum how loud it is what is heard, which moves the head a little: see `Player`
   * @param {(error: Error) => void} options.onFailure 3-D stopped working for good
   * @throws {Error} where there is no WebGL
   */
  constructor(host, { mouth, spectrum, onFailure }) {
    this.#host = host;
    this.#mouth = mouth;
    this.#onFailure = onFailure;
    const drawing = (this.#drawing = new SceneRenderer(host, () => onFailure(new Error('the browser took the 3-D drawing away'))));
    const head = (this.#head = new TalkingHead(host, {
      ttsEndpoint: 'none', // it has to be something; nothing is ever asked for
      lipsyncModules: [],
      avatarOnly: true, // it moves the bones and the shapes; the drawing is ours
      avatarOnlyCamera: drawing.camera,
      cameraView: 'upper',
      avatarIdleEyeContact: 0.7,
      avatarSpeakingEyeContact: 0.85,
      ...movementOf(this.#liveliness, this.#still),
      update: () => this.#beforeDrawing(),
    }));
    followOptions(head);
    head.audioCtx.close();
    head.audioCtx = SILENT_CONTEXT;
    head.audioAnalyzerNode = { getByteFrequencyData: spectrum, disconnect() {} };
    this.#gaze = new Gaze(head, this.#still);
    this.#camera = new Camera(head, drawing.camera, host, this.#still);
    drawing.scene.onBeforeRender = () => this.#meshes?.prepare(drawing.camera);
    this.#quality = new AdaptiveQuality(drawing.context, (level) => this.#setQuality(level));
    this.#resized = new ResizeObserver(() => {
      this.#camera.frame();
      drawing.resize();
    });
    this.#resized.observe(host);
  }

  /**
   * Shows a persona; the one before stays until the file is there.
   *
   * @param {import('./interfaces.mjs').Persona} persona
   * @throws {Error} when the file is missing or is no avatar
   */
  async show({ name, avatar, url, mood, liveliness }) {
    const head = this.#head;
    this.#mood = head.getMoodNames().includes(mood) ? mood : 'neutral';
    this.#moodUntil = Infinity;
    this.#liveliness = liveliness;
    Object.assign(head.opt, movementOf(liveliness, this.#still));
    const file = `../avatars/${encodeURIComponent(avatar)}.glb`;
    try {
      await head.showAvatar({
        url: url ?? new URL(file, import.meta.url).href,
        body: 'M', // the calmer set of poses
        avatarMood: this.#mood,
        lipsyncLang: 'en',
      });
    } catch (error) {
      throw new Error(`${file} could not be read: ${error.message}`, { cause: error });
    }
    for (const viseme of VISEMES) if (!head.mtAvatar[`viseme_${viseme}`]) throw new Error(`its file has no mouth shape viseme_${viseme}`);
    clock.cancelFrame(this.#request);
    const meshes = new SkinnedMeshes(head.armature);
    if (this.#mesh < 1) await makeMipmaps(meshes.textures());
    const leave = this.#enter(meshes);
    try {
      // One frame at once: a file that lacks what every frame needs is found out here and not in the middle of a word.
      this.#run();
      this.#step(2 * head.animFrameDur);
    } finally {
      leave(); // afterwards: what is compiled for the one is used by the other
    }
    await this.#drawing.onScreen();
    this.#drawing.canvas.setAttribute('role', 'img');
    this.#drawing.canvas.setAttribute('aria-label', name);
    this.#simplify();
  }

  setState(state) {
    if (state === this.#state) return;
    const head = this.#head;
    this.#state = state;
    head.isSpeaking = state === 'speaking';
    head.stateName = head.isSpeaking ? 'speaking' : 'idle';
    head.animQueue = head.animQueue.filter(({ template }) => !Object.hasOwn(CUES, template.name));
    this.#nextCue = 0;
  }

  act(name) {
    const head = this.#head;
    const { mood, gesture } = actOf(name);
    if (mood) this.#feel(mood, head.animClock + MOOD_MS);
    head.animQueue.push(head.animFactory(templateOf(actOf(name), this.#still), false, 1, DIRECTIONS[name] ? this.#liveliness : 1));
    if (!gesture || this.#still || this.#liveliness < HANDS_FROM) return;
    head.playGesture(gesture, Infinity); // TalkingHead would end it by the browser's clock
    this.#gestureUntil = head.animClock + GESTURE_MS;
  }

  #endGesture() {
    this.#gestureUntil = Infinity;
    this.#head.stopGesture();
  }

  #feel(mood, until) {
    this.#moodUntil = until;
    if (mood !== this.#head.moodName) this.#head.setMood(mood);
  }

  /** Height in m, as TalkingHead measures it; 0 before somebody is shown. */
  get height() {
    return this.#head.armature ? this.#head.avatarHeight : 0;
  }

  setView(view, tallest = 0) {
    this.#camera.setView(view, tallest);
  }

  look(side) {
    this.#gaze.look(side);
  }

  picture() {
    return this.#drawing.canvas;
  }

  weights() {
    return Object.fromEntries(VISEMES.map((name) => [name, this.#head.mtAvatar[`viseme_${name}`]?.applied ?? 0]));
  }

  pause(paused) {
    this.#host.classList.toggle('waiting', paused);
    clock.cancelFrame(this.#request);
    if (paused) this.#head.stop();
    else if (this.#meshes) this.#run();
  }

  dispose() {
    clock.cancelFrame(this.#request);
    this.#resized.disconnect();
    this.#head.dispose();
    this.#meshes?.dispose();
    this.#drawing.dispose();
    this.#host.remove();
  }

  /** Whoever TalkingHead moves now comes on the stage. @returns {() => void} throws away whoever stood there */
  #enter(meshes) {
    const before = this.#meshes;
    before?.group.removeFromParent();
    this.#root?.removeFromParent();
    this.#meshes = meshes;
    if (this.#mesh < 1) meshes.enterLowPower();
    this.#root = this.#head.armature;
    while (this.#root.parent) this.#root = this.#root.parent;
    this.#drawing.scene.add(this.#root, meshes.group);
    this.#camera.frame();
    return () => before?.dispose();
  }

  #simplify() {
    if (this.#mesh < 1) this.#meshes?.simplify(this.#mesh).catch((error) => console.warn(`No triangle is left out: ${error.message}`));
  }

  #run() {
    clock.cancelFrame(this.#request);
    this.#head.start();
    this.#last = clock.now();
    const frame = (time) => {
      this.#request = clock.requestFrame(frame);
      try {
        if (time - this.#last >= this.#frameMs) {
          this.#step(time - this.#last);
          this.#last = time;
        }
        if (!clock.held) this.#quality.frame(time);
      } catch (error) {
        this.#onFailure(error); // it must end as the drawn face, not as a frozen one
      }
    };
    this.#request = clock.requestFrame(frame);
  }

  /** @param {number} ms since the last one */
  #step(ms) {
    this.#head.animate(ms);
    this.#drawing.draw();
  }

  #beforeDrawing() {
    const weights = this.#mouth();
    for (const name of VISEMES) {
      const morph = this.#head.mtAvatar[`viseme_${name}`];
      if (morph.realtime === weights[name]) continue;
      morph.realtime = weights[name];
      morph.needsUpdate = true;
    }
    this.#camera.follow();
    this.#gaze.turn();
    this.#cue();
  }

  /** Body language that TalkingHead has no word for: attention, thought, hands that speak along. */
  #cue() {
    const head = this.#head;
    if (head.animClock > this.#moodUntil) this.#feel(this.#mood, Infinity);
    if (head.animClock > this.#gestureUntil) this.#endGesture();
    if (head.animClock < this.#nextCue) return;
    const cue = CUES[this.#state];
    if (!cue) return;
    this.#nextCue = head.animClock + cue.every();
    if (this.#state === 'speaking') {
      if (!this.#still) head.speakWithHands(0, cue.chance * this.#liveliness);
    } else head.animQueue.push(head.animFactory(cue.template(this.#still)));
  }

  #setQuality({ tooSlow, ...level }) {
    if (tooSlow) {
      this.#onFailure(new Error('this computer draws it too slowly'));
      return;
    }
    this.#mesh = level.mesh;
    if (this.#mesh < 1) this.#meshes?.enterLowPower();
    this.#simplify();
    this.#frameMs = this.#head.animFrameDur = 1000 / level.fps;
    this.#drawing.setQuality(level);
  }
}
