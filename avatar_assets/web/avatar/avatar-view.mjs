// Avatar view: one person on the stage, drawn by one of three renderers: TalkingHead (GLB), three-vrm (VRM), or SVG where there is no 3-D.

import { Face2D } from '../avatar2d/face2d.mjs';
import { Poster } from './poster.mjs';
import { FIRST_VIEW } from './views.mjs';

/** How long the 3-D modules may take to arrive before the drawn face steps in, in ms. */
const MODULES_MS = 20000;
/** How long a picture of the person may stand for a 3-D avatar that is still being loaded, before the drawn face does, in ms. */
const STAND_IN_MS = 2500;

/** Why there is no 3-D, by what the server says about its browser modules. */
const NO_MODULES = {
  none: 'The 3-D modules are not installed, so a drawn face speaks.',
  unknown: 'The server did not say where its 3-D modules are, so a drawn face speaks.',
};
export const ASKED_FOR = 'The drawn face was asked for.';

export class AvatarView {
  #host;
  #options;
  #opening = null; // what `open` was asked
  #poster;
  #talkingHead = null; // while 3-D is possible
  #vrm = null; // from the first VRM on
  #source = null; // `avatar-source.mjs`: like three.js it is loaded only where there can be 3-D
  #shown3d = null; // the one of the two that is seen
  #drawn = null; // the SVG face, while it is needed
  #persona = null; // who is wanted
  #standing = null; // who is seen in 3-D
  #state = 'idle';
  #shot = [FIRST_VIEW, 0];
  #side = 0;
  #reason = '';
  #told = ''; // what `onFace` knows already
  #standIn = 0; // the timer that ends an empty stage
  #loading = Promise.resolve();
  #reverting = false;
  #due = false; // whether the 3-D avatar comes once the drawn face is silent
  #disposed = false;

  /** @param {HTMLElement} host  @param {import('./interfaces.mjs').AvatarViewOptions} options */
  constructor(host, options) {
    this.#host = host;
    this.#poster = new Poster(host);
    this.#options = options;
  }

  /**
   * Finds out whether there can be 3-D.
   *
   * @param {{modules: string, drawn: boolean, spectrum: (bins: Uint8Array) => void}} options what the server has; whether the drawn face
   *   is wanted anyway; how loud it is what is heard, which moves the head
   * @returns {Promise<void>} when `onFace` has been told
   */
  async open({ modules, drawn, spectrum }) {
    this.#opening = { modules, drawn, spectrum };
    if (drawn || NO_MODULES[modules]) this.#reason = drawn ? ASKED_FOR : NO_MODULES[modules];
    else {
      try {
        const modules3d = Promise.all([import('./talkinghead-avatar.mjs'), import('./avatar-source.mjs')]);
        const [{ TalkingHeadAvatar }, source] = await within(MODULES_MS, modules3d);
        if (this.#disposed) return;
        this.#source = source;
        this.#talkingHead = this.#shown3d = this.#place((host) => new TalkingHeadAvatar(host, { ...this.#callbacks(), spectrum }));
        this.#shown3d.pause(true); // until somebody stands there
      } catch (error) {
        this.#reason = `3-D is not possible here (${plain(error)}), so a drawn face speaks.`;
      }
    }
    this.#tell(this.#talkingHead ? '3d' : '2d');
  }

  /** Whether 3-D was given up here, and may be possible after all. */
  get canRetry3d() {
    return this.#opening !== null && !this.#talkingHead && !this.#opening.drawn && !NO_MODULES[this.#opening.modules];
  }

  /** Tries 3-D once more after it was given up. */
  async retry3d() {
    if (!this.canRetry3d || this.#disposed) return;
    this.#reason = '';
    await this.open(this.#opening);
    if (this.#persona) await this.show(this.#persona);
  }

  /** Announces the persona that will be shown as soon as it can be: an empty stage does not stay empty. @param {import('./interfaces.mjs').Persona} persona */
  announce(persona) {
    if (this.#persona) return;
    clearTimeout(this.#standIn);
    this.#poster.show(persona);
    this.#standIn = setTimeout(async () => {
      await this.#draw(this.#persona ?? persona);
      if (this.#drawn) this.#tell('2d');
    }, STAND_IN_MS);
  }

  /** Shows a persona; the one before stays until it is ready. @param {import('./interfaces.mjs').Persona} persona */
  async show(persona) {
    if (this.#disposed) return;
    this.#persona = persona;
    if (this.#talkingHead) {
      try {
        await this.#show3d(persona);
        clearTimeout(this.#standIn);
        if (persona === this.#persona && this.#shown3d) this.#enter3d();
        return;
      } catch (error) {
        if (persona !== this.#persona) return; // somebody else was called meanwhile
        if (this.#talkingHead)
          this.#reason = `The 3-D figure of ${persona.name} cannot be shown (${plain(error)}), so a drawn face speaks.`;
      }
    }
    const { id, own, attempt } = persona;
    if (own && !this.#talkingHead)
      this.#options.onFile({ persona: id, own: true, worn: false, attempt, file: own.name, code: 'no_3d' });
    await this.#drawInstead();
  }

  setState(state) {
    this.#state = state;
    this.#seen?.setState(state);
    if (this.#due) this.#enter3d();
  }

  act(name) {
    this.#seen?.act(name);
  }

  setView(...shot) {
    this.#shot = shot;
    this.#seen?.setView(...shot);
  }

  look(side) {
    this.#side = side;
    this.#seen?.look(side);
  }

  picture() {
    return this.#seen.picture();
  }

  weights() {
    return this.#seen?.weights() ?? {};
  }

  get height() {
    return this.#seen?.height ?? 0;
  }

  /** Which kind of face is on the screen; '' before that is known. @returns {'3d' | '2d' | ''} */
  get face() {
    if (this.#drawn) return '2d';
    return this.#shown3d ? '3d' : '';
  }

  /** Ends 3-D for this person, who is drawn from now on. @param {string} reason a sentence */
  async giveUp3d(reason) {
    if (!this.#talkingHead) return;
    const renderers = [this.#talkingHead, this.#vrm];
    this.#talkingHead = this.#vrm = this.#shown3d = null;
    this.#reason = reason;
    this.#due = false;
    if (this.#persona) await this.#drawInstead();
    this.#tell('2d');
    for (const renderer of renderers) renderer?.dispose();
  }

  /** Leaves the stage for good. */
  dispose() {
    this.#disposed = true;
    clearTimeout(this.#standIn);
    this.#poster.leave();
    for (const renderer of this.#renderers) renderer.dispose();
    this.#persona = this.#talkingHead = this.#vrm = this.#shown3d = this.#drawn = null;
  }

  get #seen() {
    return this.#drawn ?? this.#shown3d;
  }

  get #renderers() {
    return [this.#talkingHead, this.#vrm, this.#drawn].filter(Boolean);
  }

  #callbacks() {
    return { mouth: this.#options.mouth, onFailure: (error) => this.#failed(error) };
  }

  /** One persona after the other: a renderer loads one at a time. */
  #show3d(persona) {
    const shown = this.#loading.then(() => this.#load(persona));
    this.#loading = shown.catch(() => {}); // its caller hears of it; the next persona gets its chance
    return shown;
  }

  /** A dropped file never ends in an error: it is told of, and the persona stays as it was. */
  async #load(persona) {
    const { id, own, attempt } = persona;
    const tell = (event) => this.#options.onFile({ persona: id, own: Boolean(own), attempt, ...event });
    if (own) {
      const file = await this.#source.readDropped(own);
      let { report } = file;
      if (file.bytes) {
        try {
          await this.#wear(persona, file);
          tell({ worn: true, report });
          return;
        } catch (error) {
          report = this.#source.undrawable(own, error);
        }
      }
      tell({ worn: false, report });
      if (!file.bytes && this.#standing?.id === id) return; // who stands there has not been touched
    }
    const file = await this.#source.fetchAvatar(persona.avatar);
    if (!file.bytes) throw new Error(file.report.findings[0].text);
    await this.#wear({ ...persona, own: undefined }, file);
    if (!own && file.report.verdict !== 'ready') tell({ worn: true, report: file.report });
  }

  async #wear(persona, { bytes, report }) {
    const url = URL.createObjectURL(new Blob([bytes], { type: 'model/gltf-binary' }));
    try {
      const renderer = report.kind === 'glb' ? this.#talkingHead : await this.#openVrm();
      await renderer?.show({ ...persona, url });
      if (!this.#shown3d) throw new Error('3-D was given up meanwhile');
      this.#standing = persona;
      if (renderer === this.#shown3d) return;
      this.#shown3d.pause(true);
      this.#shown3d = renderer;
      renderer.pause(false);
      this.#brief();
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  async #openVrm() {
    if (this.#vrm) return this.#vrm;
    const { VrmAvatar } = await import('./vrm-avatar.mjs');
    if (!this.#shown3d) return null;
    this.#vrm = this.#place((host) => new VrmAvatar(host, this.#callbacks()));
    this.#vrm.pause(true);
    return this.#vrm;
  }

  /** A dropped file that cannot be drawn after all costs the person only this body, unless the whole drawing is gone. */
  #failed(error) {
    if (this.#reverting) return;
    const giveUp = (why) => this.giveUp3d(`3-D stopped working (${plain(why)}), so a drawn face speaks.`);
    const lost = [...this.#host.querySelectorAll('canvas')].some((canvas) => canvas.getContext('webgl2')?.isContextLost());
    if (!this.#standing?.own || lost) {
      giveUp(error);
      return;
    }
    const { own, ...persona } = this.#standing;
    this.#reverting = true;
    this.#options.onFile({ persona: persona.id, own: true, worn: false, report: this.#source.undrawable(own, error) });
    this.#show3d(persona)
      .catch(giveUp)
      .finally(() => (this.#reverting = false));
  }

  async #drawInstead() {
    clearTimeout(this.#standIn);
    this.#shown3d?.pause(true);
    await this.#draw(this.#persona);
    this.#tell('2d');
  }

  async #draw(persona) {
    this.#drawn ??= this.#place((host) => new Face2D(host, this.#options.mouth));
    await this.#drawn.show(persona);
    this.#poster.leave();
    this.#brief();
  }

  /** The 3-D avatar takes the stage, but not in the middle of what the drawn face says: nobody changes while they speak. */
  #enter3d() {
    this.#due = this.#drawn !== null && this.#state === 'speaking';
    if (this.#due) return;
    this.#poster.leave();
    this.#drawn?.dispose();
    this.#drawn = null;
    this.#shown3d.pause(false);
    this.#brief();
    this.#reason = '';
    this.#tell('3d');
  }

  /** Whoever comes on the screen does what the one before did. */
  #brief() {
    this.#seen.setState(this.#state);
    this.#seen.setView(...this.#shot);
    this.#seen.look(this.#side);
  }

  #tell(face) {
    if (this.#told === face + this.#reason) return;
    this.#told = face + this.#reason;
    this.#options.onFace(face, this.#reason);
  }

  /** A renderer in an element of its own. */
  #place(open) {
    const host = this.#host.appendChild(document.createElement('div'));
    try {
      return open(host);
    } catch (error) {
      host.remove();
      throw error;
    }
  }
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(reject, ms, new Error(`the modules did not arrive within ${ms / 1000} s`));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An error's message as the inside of a sentence. */
const plain = (error) => String(error?.message ?? error).trim().replace(/\.$/, '');
