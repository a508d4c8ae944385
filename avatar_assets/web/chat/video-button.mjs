// Video request: one reply at a time is made into a film by the stage; and the button that asks for it.
import { make } from '../page/dom.mjs';
import { encodableKind } from '../recording/encoder.mjs';
import { randomId } from '../page/server-link.mjs';

const inSeconds = (ms) => Math.round(ms / 1000);

export class VideoRequests {
  #stage;
  #request = null; // {id, onProgress, resolve}

  /** @param {import('../page/stage-link.mjs').StageLink} stage */
  constructor(stage) {
    this.#stage = stage;
  }

  /**
   * Has a finished reply filmed; the request before ends.
   *
   * @param {{segments: object[]}} turn
   * @param {(ms: number, of: number) => void} onProgress
   * @returns {Promise<{file?: Blob, suffix?: string, reason?: string}>} the video; or why there is none, '' if it was stopped
   */
  make(turn, onProgress) {
    this.#request?.resolve({ reason: '' });
    const id = `film-${randomId()}`;
    return new Promise((resolve) => {
      this.#request = { id, onProgress, resolve };
      this.#stage.film(turn, id);
    });
  }

  /** What the stage says. */
  hear({ type, turn, ms, of, file, suffix, reason }) {
    if (turn === undefined || turn !== this.#request?.id) return;
    if (type === 'recording') this.#request.onProgress(ms, of);
    else if (type === 'recorded') this.#end({ file, suffix });
    else if (type === 'unrecorded') this.#end({ reason });
  }

  #end(result) {
    const { resolve } = this.#request;
    this.#request = null;
    resolve(result);
  }
}

/**
 * A button that films a reply, shows how far it is, and gives the file to be saved.
 *
 * @param {(onProgress: (ms: number, of: number) => void) => Promise<object>} film see `VideoRequests.make`
 * @param {() => void} stop ends the filming
 * @param {(file: Blob, suffix: string) => void} save
 * @param {string} of how the reply begins
 */
export function videoButton(film, stop, save, of) {
  const button = make('button', 'film', { type: 'button' });
  const label = (text) => {
    button.textContent = text;
    button.setAttribute('aria-label', `${text}: ${of}`);
  };
  label('Save video');
  const encodable = encodableKind();
  encodable.then(({ kind }) => kind && label(`Save video (${kind.name})`));
  const note = make('span', 'film-note', { role: 'status', hidden: '' });
  const cancel = make('button', 'film-cancel', { type: 'button', hidden: '' }, 'Cancel');
  const say = (sentence) => {
    note.textContent = sentence;
    note.hidden = !sentence;
  };
  cancel.addEventListener('click', stop);
  button.addEventListener('click', async () => {
    const { kind, reason } = await encodable;
    if (!kind) {
      say(reason);
      return;
    }
    button.hidden = true;
    cancel.hidden = false;
    say('Recording …');
    const { file, suffix, reason: why } = await film((ms, of) => say(`Recording … ${inSeconds(ms)} of ${inSeconds(of)} s`));
    button.hidden = false;
    cancel.hidden = true;
    say(why ?? '');
    if (file) save(file, suffix);
  });
  return [button, note, cancel];
}
