// Server link: one stream of events that stays open, down; messages, up. What breaks off is taken up where it was (`docs/wire.md`).
import { FrameReader, frame } from './frames.mjs';

const API = new URL('../api/', import.meta.url);
/** The server says something every 5 s: whoever says nothing for so long is not there any more. In ms. */
const SILENT_MS = 15_000;
/** A stream of which nothing arrives for so long may be held back by a proxy; another that ends with its first event is not. In ms. */
const HELD_BACK_MS = 6_000;
/** Waits before the next attempt, in ms: after the first failure in a row, the second … */
const PAUSES_MS = [100, 300, 700, 1500, 3000];
/** So long a message tries to reach the server, and one attempt may take, in ms. */
const MESSAGE_MS = 60_000;
const ATTEMPT_MS = 60_000;
/** What `ServerLink.send` says where nobody answers. */
export const UNREACHABLE = 'The app does not answer; is it still running?';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Hexadecimal digits of a random number. @param {number} bits */
export function randomId(bits = 128) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bits / 8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @typedef {object} LinkEvents
 * @property {(event: object) => void} onEvent what Python says, each event once and in order; sound is an ArrayBuffer in `pcm`
 * @property {(sentence: string) => void} onUnreachable the server does not answer (any more), or has no room
 * @property {() => void} onReached it does again
 * @property {() => void} onForgotten the server does not know the conversation any more, or events were lost
 * @property {() => void} onRestarted another server answers
 * @property {() => string} persona the id of who is spoken to, whoever the server takes it for
 */

export class ServerLink {
  #on;
  #session = randomId(); // whoever knows it is this page
  #last = 0; // number of the event that came last
  #process = null; // which server
  #once = false; // whether a proxy passes on only what has ended
  #open = false;
  #opened; // a promise that the stream is open
  #resolve;
  #request = null;
  #problem = UNREACHABLE;
  #left = false;

  /** @param {LinkEvents} on */
  constructor(on) {
    this.#on = on;
    this.#close();
    window.addEventListener('pagehide', ({ persisted }) => persisted || this.#leave());
    window.addEventListener('online', () => this.#request?.abort());
  }

  /** Keeps the stream open for as long as the page is. */
  async run() {
    for (let failures = 0; !this.#left; failures++) {
      if (await this.#listen()) failures = -1;
      else if (failures > 0) this.#on.onUnreachable(this.#problem);
      if (this.#open) this.#close();
      if (failures >= 0) await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]);
    }
  }

  /**
   * Tells Python something; tries again where it did not arrive, which Python notices.
   *
   * @param {{type: string}} message
   * @param {ArrayBuffer | ArrayBufferView} [data]
   * @returns {Promise<string>} what is wrong with it, in a sentence, or nothing
   */
  async send(message, data) {
    const body = frame({ persona: this.#on.persona(), ...message, session: this.#session }, data);
    const until = performance.now() + MESSAGE_MS;
    while (performance.now() < until) {
      if (!this.#open) await Promise.race([this.#opened, pause(until - performance.now())]);
      const answer = await this.#post('message', body, AbortSignal.timeout(ATTEMPT_MS)).catch(() => null);
      const said = await answer?.json().catch(() => null);
      if (said && answer.status !== 410) return said.problem;
      if (answer?.status === 410) this.#request?.abort(); // the server has forgotten this page, which has not noticed yet
      await pause(PAUSES_MS[0]);
    }
    return UNREACHABLE;
  }

  /** One connection, until it ends. @returns {Promise<boolean>} whether anything came */
  async #listen() {
    const request = (this.#request = new AbortController());
    const asked = { session: this.#session, after: this.#last, persona: this.#on.persona(), once: this.#once };
    let opened = false;
    let patience = setTimeout(
      () => {
        this.#once = !this.#once;
        request.abort();
      },
      this.#once ? SILENT_MS : HELD_BACK_MS,
    );
    this.#problem = UNREACHABLE;
    try {
      const answer = await this.#post('stream', frame(asked), request.signal);
      if (!answer.ok) {
        this.#problem = (await answer.json()).problem;
        return false;
      }
      const pieces = answer.body.getReader();
      const frames = new FrameReader();
      for (;;) {
        const { done, value } = await pieces.read();
        if (done) return opened;
        clearTimeout(patience);
        patience = setTimeout(() => request.abort(), SILENT_MS);
        for (const message of frames.push(value)) this.#receive(message);
        opened = true;
      }
    } catch {
      return opened;
    } finally {
      clearTimeout(patience);
    }
  }

  #receive(message) {
    if (message.type === 'open') this.#arrive(message);
    else if (message.number === undefined) this.#hand(message);
    else if (message.number > this.#last) {
      if (message.number > this.#last + 1) this.#on.onForgotten();
      this.#last = message.number;
      this.#hand(message);
    }
  }

  #arrive({ known, process }) {
    if (this.#process && process !== this.#process) this.#on.onRestarted();
    else if (this.#process && !known) this.#on.onForgotten();
    this.#process = process;
    if (!known) this.#last = 0;
    this.#open = true;
    this.#resolve();
    this.#on.onReached();
  }

  #close() {
    this.#open = false;
    this.#opened = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** A mistake in what is done with an event costs no other event. */
  #hand(message) {
    try {
      this.#on.onEvent(message);
    } catch (error) {
      reportError(error);
    }
  }

  #leave() {
    this.#left = true; // a page that goes away may still run for a moment
    this.#request?.abort();
    navigator.sendBeacon(new URL('message', API), frame({ type: 'leave', session: this.#session }));
  }

  #post(where, body, signal) {
    return fetch(new URL(where, API), { method: 'POST', body, signal, cache: 'no-store' });
  }
}
