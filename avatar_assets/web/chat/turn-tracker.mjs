// Turn tracker: which turn is running, which events of Python and of the stage belong to it, and how far it was heard.
import { durationOf } from '../playback/segment.mjs';
import { randomId } from '../page/server-link.mjs';

/** The stage's word on how far a turn was heard counts where it differs by more than this, in ms. */
const TOLERANCE_MS = 50;
const LAST_EVENTS = ['completed', 'interrupted', 'failed'];

/** Milliseconds since 1970 on the clock that the stage's messages use too. */
const now = () => performance.timeOrigin + performance.now();

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {number} handedOver when the utterance was handed over, in ms since 1970
 * @property {{transcript?: number, text?: number, sound?: number}} times of each first, in ms from `handedOver`
 * @property {object[]} segments what can be heard of it
 * @property {{index: number, at?: number, pausedMs?: number} | null} sounding the segment that began last, and when it was heard first, in
 *   ms since 1970; or how far it was heard, where it waits to go on
 * @property {boolean} done whether Python has said all of it
 */

export class TurnTracker {
  #stage;
  #conversation;
  #server;
  #on;
  /** @type {Turn | null} */
  #turn = null;
  #stopped = null; // the playback position that Python was told last
  #replay = null; // {id, turn}: the finished turn that is heard again, and what the stage calls it
  #held = null; // segments that wait while it is not clear whether the user interrupts; null where none need to

  /**
   * @param {import('../page/stage-link.mjs').StageLink} stage
   * @param {import('./conversation.mjs').Conversation} conversation
   * @param {(message: object, data?: ArrayBuffer | ArrayBufferView) => Promise<string>} server see `ServerLink.send`
   * @param {object} on
   * @param {(state: 'idle' | 'thinking' | 'speaking') => void} on.state what the running turn does now
   * @param {(message: string) => void} on.failed
   */
  constructor(stage, conversation, server, on) {
    this.#stage = stage;
    this.#conversation = conversation;
    this.#server = server;
    this.#on = on;
  }

  /** What the running turn does: `thinking`, `speaking` (a replay too), or `idle` where there is none. */
  get state() {
    if (this.#replay) return 'speaking';
    return this.#turn ? (this.#turn.sounding ? 'speaking' : 'thinking') : 'idle';
  }

  /** Takes up a new turn and sends the message that asks for it; what was running has been interrupted. */
  async ask(message, data) {
    const turn = this.#begin();
    this.#on.state('thinking');
    await null; // of several in one moment only the last counts
    if (turn === this.#turn) await this.#ask(turn, message, data);
  }

  /**
   * Takes up a turn that Python has begun by itself, to answer what was said hands-free; interrupts what is running.
   *
   * @param {string} id
   * @param {string | null} text what was said, as far as it is known
   */
  adopt(id, text) {
    this.interrupt();
    this.#conversation.ask(this.#begin(id), text ?? undefined);
    this.#on.state('thinking');
  }

  /** A sound that has not begun waits: somebody speaks, and it is not clear yet whether they want an answer. */
  hold() {
    if (this.#turn && !this.#turn.segments.length) this.#held ??= [];
  }

  /** It need not wait any longer. */
  release() {
    const held = this.#held;
    this.#held = null;
    for (const segment of held ?? []) this.#stage.speak(segment);
    if (held && this.#turn?.done) this.#stage.post({ type: 'end', turn: this.#turn.id });
  }

  /**
   * Interrupts what is running and sends an utterance, which says how far that was heard.
   *
   * @param {{text?: string, recording?: {pcm: Int16Array, sampleRate: number}, file?: ArrayBuffer}} utterance typed, recorded or a file of sound
   */
  send({ text, recording, file }) {
    const heard = this.#silence();
    const turn = this.#begin();
    const content = recording ? { sampleRate: recording.sampleRate } : { text };
    this.#ask(turn, { type: 'utterance', heard, ...content }, recording?.pcm ?? file);
    this.#conversation.ask(turn, text); // it is on its way before anything is drawn
    this.#on.state('thinking');
  }

  /**
   * Silence now. Python is told how far the running turn was heard, so that no more of it is remembered.
   *
   * @returns {boolean} whether there was something to tell
   */
  interrupt() {
    const position = this.#silence();
    if (position) this.#server({ type: 'stopped', ...position });
    this.#on.state('idle');
    return position !== null;
  }

  /** Says a finished turn again, lips and all; interrupts what is running. @param {Turn} turn */
  replay(turn) {
    this.interrupt();
    this.#replay = { id: `again-${randomId()}`, turn };
    this.#stage.play(turn, this.#replay.id);
    this.#on.state('speaking');
  }

  /** Ends the running turn with a sentence. @returns {boolean} whether there was one of which something was missing */
  fail(message) {
    const turn = this.#turn;
    const unfinished = turn !== null && !turn.done;
    if (unfinished) this.#end(turn, { type: 'failed', message });
    return unfinished;
  }

  #begin(id = randomId()) {
    return (this.#turn = { id, handedOver: now(), times: {}, segments: [], sounding: null, done: false });
  }

  async #ask(turn, message, data) {
    const problem = await this.#server({ turn: turn.id, ...message }, data);
    if (problem && turn === this.#turn) this.fail(problem);
  }

  /** @returns {{turn: string, index: number, ms: number} | null} how far the turn was heard that is over now */
  #silence() {
    const turn = this.#turn;
    if (this.#replay) this.#conversation.finished(this.#replay.turn);
    this.#turn = this.#held = this.#replay = null;
    this.#stage.silence();
    if (!turn) return null;
    const position = positionOf(turn);
    if (turn.done && position.index < 0) {
      this.#conversation.finished(turn); // not a sound of it was heard, but all of it could be read
      return null;
    }
    this.#conversation.interrupted(turn);
    this.#stopped = position;
    return position;
  }

  /** What Python says of a turn; events of turns that are over are ignored. */
  receive(event) {
    if (event.type === 'remembered') this.#conversation.remembered(event.turn, event.text);
    const turn = this.#turn;
    if (!turn || event.turn !== turn.id) return;
    const since = now() - turn.handedOver;
    if (event.type === 'started') {
      for (const notice of event.notices) this.#conversation.notice(notice);
    } else if (event.type === 'transcript') {
      turn.times.transcript = since;
      turn.language = event.answerLanguage;
      this.#conversation.transcript(turn, event.text, event.language);
      for (const notice of event.notices ?? []) this.#conversation.notice(notice);
    } else if (event.type === 'delta') {
      turn.times.text ??= since;
      this.#conversation.write(turn, event.text);
    } else if (event.type === 'segment') {
      event.language = turn.language;
      if (this.#held) this.#held.push(event);
      else this.#stage.speak(event);
      turn.segments.push(event);
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
    } else if (message.type === 'paused') {
      if (message.turn === turn?.id && turn.sounding) turn.sounding = { index: message.index, pausedMs: message.ms };
    } else if (message.type === 'word') {
      const heard = message.turn === this.#replay?.id ? this.#replay.turn : message.turn === turn?.id ? turn : null;
      if (heard) this.#conversation.hear(heard, message.index, message.word);
    } else if (message.type === 'finished') {
      if (message.turn === turn?.id) this.#finish(turn);
      else if (message.turn === this.#replay?.id) this.#finish(this.#replay.turn);
    } else if (message.type === 'heard') {
      this.#correct(message);
    }
  }

  #end(turn, { type, message }) {
    turn.done = true;
    if (!this.#held) this.#stage.post({ type: 'end', turn: turn.id });
    if (type === 'failed') {
      this.#on.failed(message); // first: it takes room from the conversation, which stays at its end
      this.#conversation.failed(turn, message);
    }
    if (!turn.segments.length) this.#finish(turn);
  }

  #finish(turn) {
    this.#turn = this.#held = this.#replay = null;
    this.#conversation.finished(turn);
    this.#on.state('idle');
  }

  /** The stage knows better how far a turn was heard where the sound stood still meanwhile. */
  #correct({ turn, index, ms }) {
    const told = this.#stopped;
    if (turn !== told?.turn || (index === told.index && Math.abs(ms - told.ms) <= TOLERANCE_MS)) return;
    this.#stopped = { turn, index, ms };
    this.#server({ type: 'stopped', ...this.#stopped });
  }
}

/** How far a turn has been heard by now, by what the stage has said of its segments; index -1 before the first. @param {Turn} turn */
function positionOf({ id, segments, sounding }) {
  if (!sounding) return { turn: id, index: -1, ms: 0 };
  if (sounding.pausedMs !== undefined) return { turn: id, index: sounding.index, ms: sounding.pausedMs };
  const segment = segments.find(({ index }) => index === sounding.index);
  return { turn: id, index: sounding.index, ms: Math.round(Math.min(durationOf(segment), Math.max(0, now() - sounding.at))) };
}
