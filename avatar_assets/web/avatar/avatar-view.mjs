// Person: who stands on the stage, in 3-D where that is possible, drawn where it is not, and why.

import { Face2D } from '../avatar2d/face2d.mjs';
import { FIRST_VIEW } from './views.mjs';

/** How long the 3-D modules may take to arrive before the drawn face steps in, in ms. */
const MODULES_MS = 20000;
/** How long the stage may stay empty before the drawn face stands in for a figure that is still being loaded, in ms. */
const STAND_IN_MS = 700;

/** Why there is no 3-D, by what the server says about its browser modules. */
const NO_MODULES = {
  none: 'The 3-D modules are not installed, so a drawn face speaks.',
  unknown: 'The server did not say where its 3-D modules are, so a drawn face speaks.',
};
export const ASKED_FOR = 'The drawn face was asked for.';

/**
 * @typedef {object} Persona As the stage's protocol carries it.
 * @property {string} id
 * @property {string} name
 * @property {string} avatar stem of a file in `avatars`
 * @property {string} mood
 * @property {string} colour hex
 * @property {number} liveliness 0 (hardly moves) to 2 (very much)
 */

export class Person {
  #host;
  #mouth;
  #onFace;
  #figure = null; // 3-D, while it is possible
  #drawn = null; // 2-D, while it is needed
  #persona = null;
  #state = 'idle';
  #reason = '';
  #told = ''; // what the page around knows already
  #standIn = 0; // the timer that ends an empty stage
  #shot = [FIRST_VIEW, 0]; // the camera's view, and the height of the tallest in it
  #side = 0; // where somebody stands who is looked at
  #onDrawn = null; // who films

  /**
   * @param {HTMLElement} host
   * @param {() => import('../lipsync/viseme-curves.mjs').Weights} mouth asked once a frame
   * @param {(face: '3d' | '2d', reason: string) => void} onFace called when it is known which kind of face it is, and when the other kind takes over
   */
  constructor(host, mouth, onFace) {
    this.#host = host;
    this.#mouth = mouth;
    this.#onFace = onFace;
  }

  /**
   * Finds out whether there can be a figure in 3-D.
   *
   * @param {{modules: string, drawn: boolean, voice: AudioNode | null}} options what the server has; whether the drawn face is wanted
   *   anyway; the sound whose loudness moves the head
   * @returns {Promise<void>} when `onFace` has been told
   */
  async open({ modules, drawn, voice }) {
    if (drawn || NO_MODULES[modules]) this.#reason = drawn ? ASKED_FOR : NO_MODULES[modules];
    else {
      try {
        const { Bodies } = await within(MODULES_MS, import('./bodies.mjs'));
        this.#figure = new Bodies(this.#room(), { mouth: this.#mouth, voice, onFailure: (error) => this.#give3dUp(error) });
      } catch (error) {
        this.#reason = `3-D is not possible here (${plain(error)}), so a drawn face speaks.`;
      }
    }
    this.#tell(this.#figure ? '3d' : '2d');
  }

  /**
   * Announces the persona that will be shown as soon as it can be: an empty stage does not stay empty.
   *
   * @param {Persona} persona
   */
  announce(persona) {
    if (this.#persona) return;
    clearTimeout(this.#standIn);
    this.#standIn = setTimeout(() => {
      this.#drawn ??= new Face2D(this.#room(), this.#mouth);
      this.#drawn.show(this.#persona ?? persona);
      this.#brief(this.#drawn);
    }, STAND_IN_MS);
  }

  /**
   * Shows a persona; the one before stays until it is ready.
   *
   * @param {Persona} persona
   */
  async show(persona) {
    this.#persona = persona;
    if (this.#figure) {
      try {
        await this.#figure.show(persona);
        clearTimeout(this.#standIn);
        if (persona === this.#persona) this.#leaveDrawing();
        return;
      } catch (error) {
        if (persona !== this.#persona) return; // somebody else was called meanwhile
        this.#reason = `The 3-D figure of ${persona.name} cannot be shown (${plain(error)}), so a drawn face speaks.`;
      }
    }
    if (persona.own && !this.#figure) dispatchEvent(new CustomEvent('body', { detail: { persona: persona.id, own: true, worn: false, attempt: persona.attempt, file: persona.own.name, code: 'no_3d' } }));
    await this.#drawInstead();
  }

  /** @param {string} state loading, idle, listening, thinking, speaking or failed: the body shows it */
  setState(state) {
    this.#state = state;
    (this.#drawn ?? this.#figure)?.setState(state);
  }

  /** @param {string} name a stage direction, or something done by itself: see `acts.mjs` */
  act(name) {
    (this.#drawn ?? this.#figure)?.act(name);
  }

  /** Which kind of face is on the screen. @returns {'3d' | '2d' | ''} */
  get face() {
    if (this.#drawn) return '2d';
    return this.#figure ? '3d' : '';
  }

  /** Height of the figure in m; 0 of a drawn face. */
  get height() {
    return this.#drawn ? 0 : (this.#figure?.height ?? 0);
  }

  /** @param {string} view one of `views.mjs`  @param {number} company height in m of the tallest on the stage */
  setView(view, company) {
    this.#shot = [view, company];
    (this.#drawn ?? this.#figure)?.setView(view, company);
  }

  /** @param {-1 | 0 | 1} side who is looked at: see `talkinghead-avatar.mjs` */
  look(side) {
    this.#side = side;
    (this.#drawn ?? this.#figure)?.look(side);
  }

  /** @param {((picture: CanvasImageSource, at: number) => void) | null} onDrawn gets every frame: see `talkinghead-avatar.mjs` */
  film(onDrawn) {
    this.#onDrawn = onDrawn;
    for (const face of [this.#figure, this.#drawn]) face?.film(face === (this.#drawn ?? this.#figure) ? onDrawn : null);
  }

  /** Ends 3-D for this person, who is drawn from now on. @param {string} reason a sentence */
  spare(reason) {
    return this.#give3dUp(null, reason);
  }

  /** Leaves the stage for good. */
  dispose() {
    clearTimeout(this.#standIn);
    for (const face of [this.#figure, this.#drawn]) face?.dispose();
    this.#figure = this.#drawn = null;
  }

  /** The weights on the screen now. */
  shown() {
    return (this.#drawn ?? this.#figure)?.shown() ?? {};
  }

  async #give3dUp(error, reason = `3-D stopped working (${plain(error)}), so a drawn face speaks.`) {
    if (!this.#figure) return;
    const figure = this.#figure;
    this.#figure = null;
    this.#reason = reason;
    if (this.#persona) await this.#drawInstead();
    this.#tell('2d');
    figure.dispose();
  }

  async #drawInstead() {
    clearTimeout(this.#standIn);
    this.#drawn ??= new Face2D(this.#room(), this.#mouth);
    this.#figure?.rest(true);
    await this.#drawn.show(this.#persona);
    this.#brief(this.#drawn);
    this.#tell('2d');
  }

  /** A face that comes on the screen does what the one before did. */
  #brief(face) {
    face.setState(this.#state);
    face.setView(...this.#shot);
    face.look(this.#side);
    this.film(this.#onDrawn);
  }

  #leaveDrawing() {
    this.#brief(this.#figure);
    if (!this.#drawn) return;
    this.#drawn.dispose();
    this.#drawn = null;
    this.#figure.rest(false);
    this.#reason = '';
    this.#tell('3d');
  }

  #tell(face) {
    if (this.#told === face + this.#reason) return;
    this.#told = face + this.#reason;
    this.#onFace(face, this.#reason);
  }

  #room() {
    return this.#host.appendChild(document.createElement('div'));
  }
}

function within(ms, promise) {
  const late = new Promise((_, reject) => setTimeout(reject, ms, new Error(`the modules did not arrive within ${ms / 1000} s`)));
  return Promise.race([promise, late]);
}

/** An error's message as the inside of a sentence. */
function plain(error) {
  return String(error?.message ?? error)
    .trim()
    .replace(/\.$/, '');
}
