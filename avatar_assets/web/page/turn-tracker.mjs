// Turn tracker: which turn is running, which events of Python and of the stage belong to it, and how far it was heard.
import { durationOf } from '../playback/segment.mjs';

/** So many turns that are over are remembered, so that their late events are ignored. */
const REMEMBERED = 100;
/** The stage's word on how far a turn was heard counts where it differs by more than this, in ms. */
const TOLERANCE_MS = 50;
const BASE64_CHUNK_BYTES = 0x8000;
const LAST_EVENTS = ['completed', 'interrupted', 'failed'];

/** Milliseconds since 1970 on the clock that the stage's messages use too. */
const now = () => performance.timeOrigin + performance.now();

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {number} handedOver when the utterance was handed over, in ms since 1970
 * @property {{transcript?: number, text?: number, sound?: number}} times of each first, in ms from `handedOver`
 * @property {object[]} segments what can be heard of it
 * @property {{index: number, at: number} | null} sounding the segment that began last, and when it was heard first, in ms since 1970
 * @property {number} seq of the last event
 * @property {boolean} done whether Python has said all of it
 */

export class TurnTracker {
  #stage;
  #conversation;
  #trigger;
  #on;
  /** @type {Turn | null} */
  #turn = null;
  #over = new Set(); // ids of turns that ended or were interrupted
  #stopped = null; // the playback position that Python was told last

  /**
   * @param {import('./stage-link.mjs').StageLink} stage
   * @param {import('./conversation.mjs').Conversation} conversation
   * @param {(event: string, data: object) => void} trigger sends an event to Python
   * @param {object} on
   * @param {(state: 'thinking' | 'speaking') => void} on.state what the running turn does now
   * @param {() => void} on.adopted Python has begun a turn by itself: an audio file was uploaded
   * @param {(message: string) => void} on.failed
   * @param {() => void} on.over a turn or a replay was heard to its end
   */
  constructor(stage, conversation, trigger, on) {
    this.#stage = stage;
    this.#conversation = conversation;
    this.#trigger = trigger;
    this.#on = on;
  }

  /** Whether a turn is running. */
  get running() {
    return this.#turn !== null;
  }

  /** Takes up a new turn; what was running has been interrupted. @returns {Turn} */
  begin(id = crypto.randomUUID()) {
    this.#turn = { id, handedOver: now(), times: {}, segments: [], sounding: null, seq: -1, done: false };
    this.#on.state('thinking');
    return this.#turn;
  }

  /**
   * Interrupts what is running and sends an utterance.
   *
   * @param {{text?: string, recording?: {pcm: Int16Array, sampleRate: number}}} utterance typed or recorded
   */
  send({ text, recording }) {
    const position = this.interrupt();
    const turn = this.begin();
    this.#conversation.ask(turn, text);
    const content = recording ? { pcm: base64Of(new Uint8Array(recording.pcm.buffer)), sampleRate: recording.sampleRate } : { text };
    this.#trigger('utterance', { turn: turn.id, heard: position, ...content });
  }

  /**
   * Silence now. Python is told how far the running turn was heard, so that no more of it is remembered.
   *
   * @returns {{turn: string, index: number, ms: number} | null} what it was told
   */
  interrupt() {
    const turn = this.#turn;
    this.#turn = null;
    this.#stage.silence();
    if (!turn) return null;
    this.#ignore(turn.id);
    const position = positionOf(turn);
    if (turn.done && position.index < 0) {
      this.#conversation.finished(turn); // not a sound of it was heard, but all of it could be read
      return null;
    }
    this.#conversation.interrupted(turn);
    return this.#tell(position);
  }

  /** What Python says of a turn; events of turns that are over are ignored. */
  receive(event) {
    if (typeof event.turn !== 'string' || this.#over.has(event.turn)) return;
    if (event.turn !== this.#turn?.id) this.#adopt(event.turn);
    const turn = this.#turn;
    if (event.seq <= turn.seq) return; // Gradio sends the last value again at the end
    turn.seq = event.seq;
    const since = now() - turn.handedOver;
    if (event.type === 'started') {
      for (const notice of event.notices) this.#conversation.notice(notice);
    } else if (event.type === 'transcript') {
      turn.times.transcript = since;
      this.#conversation.transcript(turn, event.text);
    } else if (event.type === 'delta') {
      turn.times.text ??= since;
      this.#conversation.write(turn, event.text);
    } else if (event.type === 'segment') {
      turn.segments.push(this.#stage.speak(event));
    } else if (LAST_EVENTS.includes(event.type)) {
      this.#end(turn, event);
    }
  }

  /** What the stage says of the playback. */
  hear(message) {
    const turn = this.#turn;
    if (message.type === 'started' && message.turn === turn?.id) {
      turn.sounding = { index: message.index, at: message.at };
      if (turn.times.sound === undefined) {
        turn.times.sound = message.at - turn.handedOver;
        this.#conversation.receipt(turn);
      }
      this.#on.state('speaking');
    } else if (message.type === 'finished') {
      if (message.turn === turn?.id) this.#finish(turn);
      else if (!turn) this.#on.over(); // a replay
    } else if (message.type === 'heard') {
      this.#correct(message);
    }
  }

  #adopt(id) {
    this.interrupt();
    const turn = this.begin(id);
    this.#conversation.ask(turn, undefined);
    this.#on.adopted();
  }

  #end(turn, { type, message }) {
    turn.done = true;
    this.#stage.post({ type: 'end', turn: turn.id });
    if (type === 'failed') {
      this.#on.failed(message); // first: it takes room from the conversation, which stays at its end
      this.#conversation.failed(turn, message);
    }
    if (!turn.segments.length) this.#finish(turn);
  }

  #finish(turn) {
    this.#turn = null;
    this.#ignore(turn.id);
    this.#conversation.finished(turn);
    this.#on.over();
  }

  #tell({ turn, index, ms }) {
    this.#stopped = { turn, index, ms };
    this.#trigger('stopped', this.#stopped);
    return this.#stopped;
  }

  /** The stage knows better how far a turn was heard where the sound stood still meanwhile. */
  #correct(position) {
    const told = this.#stopped;
    if (position.turn !== told?.turn) return;
    if (position.index !== told.index || Math.abs(position.ms - told.ms) > TOLERANCE_MS) this.#tell(position);
  }

  #ignore(id) {
    if (id) this.#over.add(id);
    for (const oldest of this.#over) {
      if (this.#over.size <= REMEMBERED) break;
      this.#over.delete(oldest);
    }
  }
}

/** How far a turn has been heard by now, by what the stage has said of its segments; index -1 before the first. @param {Turn} turn */
function positionOf({ id, segments, sounding }) {
  if (!sounding) return { turn: id, index: -1, ms: 0 };
  const segment = segments.find(({ index }) => index === sounding.index);
  return { turn: id, index: sounding.index, ms: Math.round(Math.min(durationOf(segment), Math.max(0, now() - sounding.at))) };
}

/** Bytes as base64: the browser's own where it has one, which is ten times faster. @param {Uint8Array} bytes */
function base64Of(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = '';
  for (let at = 0; at < bytes.length; at += BASE64_CHUNK_BYTES) text += String.fromCharCode(...bytes.subarray(at, at + BASE64_CHUNK_BYTES));
  return btoa(text);
}
