// The line between the parent page and the stage's iframe: messages both ways, sound decoded once on the way in.

import { fromBase64 } from './base64.mjs';

const SILENCE_WITHIN_MS = 250;
const NOTHING = Object.freeze({ turn: null, index: -1, ms: 0 });

/** Holds the iframe; every message sent before the stage is ready is kept and delivered in order. */
export class StageLink {
  #frame;
  #ready = false;
  #waiting = [];
  #heard = []; // who waits to be told how far the voice was heard, oldest first: the stage answers in that order

  /** @param {HTMLElement} host  @param {(message: object) => void} onMessage */
  constructor(host, onMessage) {
    const query = new URLSearchParams(location.search);
    const asked = new URLSearchParams({ theme: document.body.classList.contains('dark') ? 'dark' : 'light' });
    for (const name of ['debug', 'face']) if (query.has(name)) asked.set(name, query.get(name));
    this.#frame = Object.assign(document.createElement('iframe'), {
      src: new URL(`../stage/stage.html?${asked}`, import.meta.url).href,
      title: 'The person you talk with',
      allow: 'autoplay',
      className: 'stage-page',
    });
    window.addEventListener('message', ({ origin, source, data }) => {
      if (origin !== location.origin || source !== this.#frame.contentWindow) return;
      if (data.type === 'ready') this.#deliver();
      if (data.type === 'heard') this.#heard.shift()?.(data);
      onMessage(data);
    });
    host.append(this.#frame);
  }

  /** The stage's window. */
  get window() {
    return this.#frame.contentWindow;
  }

  /** What becomes of every message on its way: see `own-avatar.mjs`. @type {(message: object) => object} */
  dress = (message) => message;

  /** @param {object} message  @param {Transferable[]} [transfer] */
  post(message, transfer = []) {
    if (this.#ready) this.window.postMessage(this.dress(message), location.origin, transfer);
    else this.#waiting.push([message, transfer]);
  }

  /** Plays a segment as it comes over the wire and returns what a replay or a download needs. */
  speak(event) {
    const { audio, ...segment } = event;
    segment.pcm = fromBase64(audio).buffer;
    this.#send(segment, event.turn);
    return segment;
  }

  /** Plays the segments of a finished turn again under another turn id. */
  play(turn, id) {
    for (const segment of turn.segments) this.#send(segment, id);
    this.post({ type: 'end', turn: id });
  }

  /** Films the segments of a finished turn while they are played again under another turn id. @param {number} ms their length */
  film(turn, id, ms) {
    this.post({ type: 'record', turn: id, ms });
    this.play(turn, id);
  }

  /** Silence now; resolves to `{turn, index, ms}`: how far the voice was heard. */
  async silence() {
    if (!this.#ready) {
      this.#waiting = this.#waiting.filter(([{ type }]) => type !== 'segment' && type !== 'end');
      return NOTHING;
    }
    const answer = new Promise((resolve) => {
      this.#heard.push(resolve);
      setTimeout(resolve, SILENCE_WITHIN_MS, NOTHING);
    });
    this.post({ type: 'stop' });
    return answer;
  }

  #send(segment, turn) {
    const pcm = segment.pcm.slice(0); // the original stays here for replay and download
    this.post({ ...segment, type: 'segment', turn, pcm }, [pcm]);
  }

  #deliver() {
    this.#ready = true;
    for (const [message, transfer] of this.#waiting.splice(0)) this.post(message, transfer);
  }
}
