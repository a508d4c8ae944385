// Talk: lets the talk state rule the devices: what the button and the switch say, what the microphone does, and what goes to Python.
import { HandsFree } from '../live/hands-free.mjs';
import { Microphone, SHORTEST_MS } from './microphone.mjs';
import { PushToTalk } from './push-to-talk.mjs';
import { BEGINNING, isKept, isListening, isRecording, step, viewOf } from './talk-state.mjs';

/** Tabs of the same browser tell each other that they listen now. */
const CHANNEL = 'visavis.listening';
/** Events that also go into the conversation while the persona has the status line. */
const REMARKED = ['refused', 'gone', 'fault'];

export class Talk {
  #on;
  #state = BEGINNING;
  #microphone;
  #button;
  #handsFree;
  #others = channel();
  #ms = 0; // how long the user has been speaking
  #shown = '';

  /**
   * @param {{talk: HTMLButtonElement, 'hands-free': HTMLButtonElement}} parts
   * @param {(message: object, data?: ArrayBufferView) => Promise<string>} send see `ServerLink.send`
   * @param {object} on
   * @param {() => void} on.pressed somebody wants to speak
   * @param {() => void} on.recording they do
   * @param {(recording: {pcm: Int16Array, sampleRate: number}, note?: string) => void} on.take a recording has ended; `note`: why, if by itself
   * @param {(status: string, words: string) => void} on.status see `viewOf`
   * @param {(level: number, open: boolean) => void} on.level loudness, 0…1, and whether the microphone is open while nobody records
   * @param {(sentence: string) => void} on.remark something that the user should know
   * and those of `HandsFree`: isSounding, hasFloor, voice, tap, stop, act, words, answered, nothing
   */
  constructor(parts, send, on) {
    this.#on = on;
    this.#microphone = new Microphone({
      onSound: (samples, rms, level) => this.#hear(samples, rms, level),
      onFull: (ms) => this.dispatch({ type: 'full', ms }),
      onGone: () => this.dispatch({ type: 'gone' }),
      onMute: (on) => this.dispatch({ type: 'muted', on }),
      onRemark: (words) => this.#advise(words),
    });
    this.#button = new PushToTalk(parts.talk, (event) => this.dispatch(event));
    this.#handsFree = new HandsFree(parts['hands-free'], this.#microphone, send, {
      ...on,
      switched: () => this.dispatch({ type: 'switch' }),
      user: (doing) => this.dispatch({ type: 'user', doing }),
      fault: (sentence) => this.dispatch({ type: 'fault', sentence }),
    });
    document.addEventListener('visibilitychange', () => this.dispatch({ type: document.hidden ? 'hidden' : 'shown' }));
    globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', () => this.#lookForDevice());
    if (this.#others) this.#others.onmessage = () => this.dispatch({ type: 'taken' });
    if (document.hidden) this.dispatch({ type: 'hidden' });
    this.#show();
  }

  /** @returns {import('./talk-state.mjs').TalkState} */
  get state() {
    return this.#state;
  }

  /** Something has happened. @param {{type: string}} event see `step` */
  dispatch(event) {
    const before = this.#state;
    const { state, order } = step(before, event);
    this.#state = state;
    const recording = order.take !== undefined || order.drop ? this.#microphone.stop() : null;
    if (order.recording) this.#microphone.start();
    if (order.pressed) this.#on.pressed();
    if (order.recording) this.#on.recording();
    if (isKept(before) !== isKept(state)) this.#microphone.keep(isKept(state));
    if (isListening(state) && !isListening(before)) {
      this.#handsFree.begin();
      this.#others?.postMessage('here');
    } else if (isListening(before) && !isListening(state)) {
      if (state.finishing) this.#handsFree.finish();
      else this.#handsFree.end();
    } else if (before.finishing && !state.finishing && !isListening(state)) {
      this.#handsFree.end();
    }
    if (order.open) this.#open();
    if (isRecording(state) !== isRecording(before) || (!isRecording(state) && state.user === 'silent')) this.#ms = 0;
    if (REMARKED.includes(event.type) && state.trouble && state.persona !== 'idle') this.#on.remark(state.trouble);
    if (event.type === 'taken' && state.hands !== before.hands) this.#on.remark(state.hint);
    this.#show();
    if (order.take) this.#hand(recording, order);
  }

  /** Hands-free goes on as it was left in this browser, where the microphone may be opened without a question. */
  async restore() {
    if (!this.#handsFree.wasOn) return;
    const permission = await navigator.permissions?.query({ name: 'microphone' }).catch(() => null);
    if (permission?.state === 'granted' && this.#state.hands === 'off') this.dispatch({ type: 'switch' });
  }

  /** Python forgets what was begun hands-free, or has let go of all of it. */
  restart() {
    if (!isListening(this.#state)) return;
    this.#handsFree.begin();
    this.dispatch({ type: 'user', doing: 'silent' });
  }

  /** What Python says of an open microphone. @param {object} event */
  receive(event) {
    this.#handsFree.receive(event);
  }

  /** The next sound that leaves for the loudspeaker. @param {Float32Array} samples  @param {number} sampleRate Hz */
  played(samples, sampleRate) {
    this.#handsFree.played(samples, sampleRate);
  }

  /** The user has done something: a browser that let nothing sound before that lets it now. */
  wake() {
    this.#microphone.wake();
  }

  /** How long a recording may be, in ms. */
  set longestMs(ms) {
    this.#microphone.longestMs = ms;
  }

  /** Lets keys work in another window too (the stage's iframe). */
  alsoKeysOf(other) {
    this.#button.alsoKeysOf(other);
  }

  /** Devices have come or gone. */
  async #lookForDevice() {
    if (this.#state.hands !== 'waiting') return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (devices.some(({ kind }) => kind === 'audioinput')) this.dispatch({ type: 'back' });
  }

  async #open() {
    try {
      await this.#microphone.open();
    } catch (error) {
      this.dispatch({ type: 'refused', sentence: error.message });
      return;
    }
    this.dispatch({ type: 'opened' });
  }

  #hear(samples, rms, level) {
    const state = this.#state;
    const recording = isRecording(state);
    const passes = isListening(state);
    const deaf = passes && this.#handsFree.hear(samples, state.user !== 'silent');
    if (recording || passes) this.#on.level(deaf ? 0 : level, passes);
    if (!recording && state.user !== 'speaking') return;
    this.#ms += (samples.length / this.#microphone.sampleRate) * 1000;
    this.#show();
  }

  #hand(recording, { take, note }) {
    if ((recording.pcm.length / recording.sampleRate) * 1000 < SHORTEST_MS) this.dispatch({ type: 'trouble', sentence: take });
    else this.#on.take(recording, note);
  }

  #advise(words) {
    if (this.#state.muted) return; // which has been said
    if (isRecording(this.#state)) this.dispatch({ type: 'hint', words });
    else if (isListening(this.#state)) this.#on.remark(words);
  }

  #show() {
    const view = viewOf(this.#state);
    const seconds = Math.floor(this.#ms / 1000);
    const elapsed = isRecording(this.#state) || this.#state.user !== 'silent' ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : '';
    const shown = JSON.stringify([view, elapsed]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#button.show(view, isRecording(this.#state) ? elapsed : '');
    this.#handsFree.show(view, elapsed);
    if (!isRecording(this.#state) && !isListening(this.#state)) this.#on.level(0, false);
    this.#on.status(view.status, view.words);
  }
}

/** Null where a browser has none, or forbids it inside another page. */
function channel() {
  try {
    return new BroadcastChannel(CHANNEL);
  } catch {
    return null;
  }
}
