// Bodies: opens the file of a persona, or the one that was dropped for it; TalkingHead moves a GLB, three-vrm a VRM, and one of them is seen.

import { refusal } from '../avatar_file/inspect.mjs';
import { CONTRACT } from '../avatar_file/spec.mjs';
import { Figure } from './talkinghead-avatar.mjs';
import { opened } from '../avatar_file/load.mjs';
import { megabytes } from '../avatar_file/errors.mjs';

/** The endings that a persona's avatar may have, in the order in which they are looked for. */
const ENDINGS = ['glb', 'vrm'];

/**
 * Tells the page around what became of a file: an event of the window, `body`.
 *
 * @param {{persona: string, own: boolean, worn: boolean, attempt?: number, report: import('../avatar_file/inspect.mjs').Report}} detail `own`: the file was dropped on the page
 */
const tell = (detail) => window.dispatchEvent(new CustomEvent('body', { detail }));

/** The same doings as `Figure`, for whatever kind of file. */
export class Bodies {
  #host;
  #options;
  #figure; // TalkingHead
  #vrm = null; // three-vrm, from the first VRM on
  #body; // the one that is seen
  #stands = ''; // the id of the persona that is seen
  #own = null; // that persona, while it wears a file that was dropped
  #reverting = false;
  #loading = Promise.resolve();

  /** See `Figure`. */
  constructor(host, options) {
    this.#host = host;
    this.#options = { ...options, onFailure: (error) => this.#failed(error, options.onFailure) };
    this.#figure = this.#body = new Figure(this.#room(), this.#options);
  }

  /**
   * Shows a persona in the body that was dropped for it (`own`), or in that of its avatar; whoever was there before stays until then.
   *
   * @param {import('./avatar-view.mjs').Persona & {own?: File}} persona
   * @throws {Error} when its avatar is missing or cannot be shown. A dropped file never ends so: it is told of, and the persona stays as it was.
   */
  show(persona) {
    const shown = this.#loading.then(() => this.#show(persona));
    this.#loading = shown.catch(() => {}); // its caller hears of it; the next persona gets its chance
    return shown;
  }

  setState(state) {
    this.#body.setState(state);
  }

  act(name) {
    this.#body.act(name);
  }

  get height() {
    return this.#body.height;
  }

  setView(view, company) {
    this.#body.setView(view, company);
  }

  look(side) {
    this.#body.look(side);
  }

  film(onDrawn) {
    for (const body of [this.#figure, this.#vrm]) body?.film(body === this.#body ? onDrawn : null);
  }

  shown() {
    return this.#body.shown();
  }

  rest(resting) {
    this.#body.rest(resting);
  }

  dispose() {
    this.#figure.dispose();
    this.#vrm?.dispose();
    this.#host.remove();
  }

  async #show(persona) {
    const { id, own, attempt } = persona;
    if (own) {
      const opened = await openOwn(own);
      let { report } = opened;
      if (opened.bytes) {
        try {
          await this.#wear(persona, opened, true);
          tell({ persona: id, own: true, worn: true, attempt, report });
          return;
        } catch (error) {
          report = unshown(own, error);
        }
      }
      tell({ persona: id, own: true, worn: false, attempt, report });
      if (!opened.bytes && this.#stands === id) return; // who stands there has not been touched
    }
    const opened = await openAvatar(persona.avatar);
    if (!opened.bytes) throw new Error(opened.report.findings[0].text);
    await this.#wear(persona, opened);
    if (!own && opened.report.verdict !== 'ready') tell({ persona: id, own: false, worn: true, report: opened.report });
  }

  /** A dropped file that cannot be drawn after all costs the person only this body, unless the whole drawing is gone. */
  #failed(error, giveUp) {
    if (this.#reverting) return;
    const lost = [...this.#host.querySelectorAll('canvas')].some((canvas) => canvas.getContext('webgl2')?.isContextLost());
    if (!this.#own || lost) {
      giveUp(error);
      return;
    }
    const { own, ...persona } = this.#own;
    this.#reverting = true;
    tell({ persona: persona.id, own: true, worn: false, report: unshown(own, error) });
    this.show(persona)
      .catch(giveUp)
      .finally(() => (this.#reverting = false));
  }

  async #wear(persona, { bytes, report }, own = false) {
    const url = URL.createObjectURL(new Blob([bytes], { type: 'model/gltf-binary' }));
    try {
      const body = report.kind === 'glb' ? this.#figure : await this.#forVrm();
      await body.show({ ...persona, url });
      this.#stands = persona.id;
      this.#own = own ? persona : null;
      if (body === this.#body) return;
      this.#body.rest(true);
      this.#body = body;
      this.#body.rest(false);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  async #forVrm() {
    if (this.#vrm) return this.#vrm;
    const { VrmFigure } = await import('./vrm-avatar.mjs');
    const room = this.#room();
    try {
      this.#vrm = new VrmFigure(room, this.#options);
    } catch (error) {
      room.remove();
      throw error;
    }
    this.#vrm.rest(true);
    return this.#vrm;
  }

  #room() {
    const room = this.#host.appendChild(document.createElement('div'));
    room.className = 'body';
    return room;
  }
}

const unshown = (file, error) => refusal(file.name, 'unshown', { why: String(error?.message ?? error).replace(/\.$/, '') });

/** @returns {Promise<{report: import('../avatar_file/inspect.mjs').Report, bytes: Uint8Array | null}>} null where the file cannot be shown */
async function openOwn(file) {
  const { bytes: most } = CONTRACT.limits;
  if (file.size > most) return { report: refusal(file.name, 'too_big', { size: megabytes(file.size), most: Math.floor(most / 1e6) }), bytes: null };
  return opened(file.name, new Uint8Array(await file.arrayBuffer()));
}

async function openAvatar(avatar) {
  for (const ending of ENDINGS) {
    const name = `../avatars/${encodeURIComponent(avatar)}.${ending}`;
    const answer = await fetch(new URL(name, import.meta.url));
    if (answer.ok) return opened(`${avatar}.${ending}`, new Uint8Array(await answer.arrayBuffer()));
    if (answer.status !== 404) throw new Error(`avatars/${avatar}.${ending} could not be read: the server answered ${answer.status}`);
  }
  throw new Error(`there is no ${ENDINGS.map((ending) => `avatars/${avatar}.${ending}`).join(' and no ')}`);
}
