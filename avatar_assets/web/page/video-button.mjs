// Films: replies that are said again to be taken home as a video, one at a time, and the button that asks for it.
import { make } from './dom.mjs';
import { recordable } from '../recording/recorder.mjs';
import { durationOf } from '../playback/segment.mjs';

const inSeconds = (ms) => Math.round(ms / 1000);

export class Films {
  #stage;
  #taking = null; // {id, onProgress, resolve}

  /** @param {import('./stage-link.mjs').StageLink} stage */
  constructor(stage) {
    this.#stage = stage;
  }

  /**
   * Films a finished reply; the one before ends.
   *
   * @param {{segments: object[]}} turn
   * @param {(ms: number, of: number) => void} onProgress
   * @returns {Promise<{file?: Blob, suffix?: string, reason?: string}>} the video; or why there is none, '' if it was stopped
   */
  take(turn, onProgress) {
    this.#taking?.resolve({ reason: '' });
    const id = `film-${crypto.randomUUID()}`;
    const ms = turn.segments.reduce((sum, segment) => sum + durationOf(segment), 0);
    return new Promise((resolve) => {
      this.#taking = { id, onProgress, resolve };
      this.#stage.film(turn, id, ms);
    });
  }

  /** What the stage says. */
  hear({ type, turn, ms, of, file, suffix, reason }) {
    if (turn === undefined || turn !== this.#taking?.id) return;
    if (type === 'recording') this.#taking.onProgress(ms, of);
    else if (type === 'recorded') this.#end({ file, suffix });
    else if (type === 'unrecorded') this.#end({ reason });
  }

  #end(result) {
    const { resolve } = this.#taking;
    this.#taking = null;
    resolve(result);
  }
}

/**
 * A button that films a reply, shows how far it is, and gives the file to be saved.
 *
 * @param {(onProgress: (ms: number, of: number) => void) => Promise<object>} take see `Films.take`
 * @param {() => void} stop ends the filming
 * @param {(file: Blob, suffix: string) => void} save
 */
export function filmButton(take, stop, save) {
  const { kind, reason } = recordable();
  const label = kind ? `Save video (${kind.name})` : 'Save video';
  const button = make('button', 'film', { type: 'button' }, label);
  const note = make('span', 'film-note', { role: 'status', hidden: '' });
  const cancel = make('button', 'film-cancel', { type: 'button', hidden: '' }, 'Cancel');
  const say = (sentence) => {
    note.textContent = sentence;
    note.hidden = !sentence;
  };
  cancel.addEventListener('click', stop);
  button.addEventListener('click', async () => {
    if (!kind) {
      say(reason);
      return;
    }
    button.hidden = true;
    cancel.hidden = false;
    say('Recording …');
    const { file, suffix, reason: why } = await take((ms, of) => say(`Recording … ${inSeconds(ms)} of ${inSeconds(of)} s`));
    button.hidden = false;
    cancel.hidden = true;
    say(why ?? '');
    if (file) save(file, suffix);
  });
  return [button, note, cancel];
}
