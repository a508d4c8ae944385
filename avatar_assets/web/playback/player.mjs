// Player: the queue of segments and the only clock of the stage. Whoever wants to know what is heard now asks here.

import { HeardClock } from './heard-clock.mjs';
import { encodeWav } from './wav.mjs';
import { wordStart } from './segment.mjs';

/** More waiting sound than this is a mistake of the sender, not a reply. */
const QUEUE_MAX_MS = 10 * 60 * 1000;
/** How much resampled sound lies ready in the worklet, in s; the rest waits as 16-bit PCM. */
const READY_S = 3;
/** How long a segment's last mouth shape may still be seen after its end, in s. */
export const AFTERGLOW_S = 0.2;
/** How long a context may take to start before it counts as blocked, in ms. */
const WAKE_MS = 400;
/** As TalkingHead would listen to a voice of its own. */
const ANALYSER = { fftSize: 256, smoothingTimeConstant: 0.1, minDecibels: -70, maxDecibels: -10 };
const RATES_HZ = [8000, 192000];
/** How loud a voice is that gives way to somebody else's (-14 dB), and how fast it gets there, in s. */
const DUCKED = 0.2;
const DUCKING_S = 0.012;
/** What goes on within a word's sound begins softly, and a voice that is silent gets its loudness back unheard, in s. */
const FADE_S = 0.005;
const UNHEARD_S = 0.05;

/**
 * @typedef {object} Segment A piece of a reply, as the stage's protocol carries it.
 * @property {string} turn
 * @property {number} index
 * @property {number} sampleRate Hz
 * @property {ArrayBuffer} pcm 16-bit little-endian mono
 *
 * @typedef {object} PlayerEvents What a player tells; times are performance times in ms.
 * @property {(segment: Segment, at: number, contextTime: number) => void} onStarted the first sample is heard at `at`
 * @property {(turn: string) => void} onFinished everything of the turn was heard
 * @property {() => void} onBlocked there is something to play but the browser wants a user's gesture first
 * @property {() => void} onRunning sound flows (again)
 * @property {(error: Error) => void} onError a segment could not be played and was left out
 */

export class Player {
  #clock;
  #node;
  #analyser = null;
  #events;
  #entries = []; // {id, segment, seconds, from, handed, began, ended, done}: those being heard, then those waiting
  #held = null; // how far the voice was heard that waits to go on
  #tap = null; // what hears all that leaves for the loudspeaker
  #take = null; // who wants to know
  #ended = new Set(); // turns whose last segment is known
  #last = null; // the last entry of the unfinished turn whose sound began
  #turn = null; // the turn of the last segment that was queued
  #stopped = null; // what still arrives of a stopped turn is not wanted
  #pumping = false;
  #generation = 0;
  #nextId = 0;

  /**
   * Opens the audio device at its own rate; no gesture is needed for that.
   *
   * @param {PlayerEvents} events
   * @returns {Promise<Player>}
   * @throws {Error} when the browser has no Web Audio or the worklet cannot be loaded
   */
  static async open(events) {
    const context = new AudioContext({ latencyHint: 'interactive' });
    await context.audioWorklet.addModule(new URL('./player-worklet.mjs', import.meta.url));
    const node = new AudioWorkletNode(context, 'visavis-player', { numberOfInputs: 0, outputChannelCount: [1] });
    return new Player(context, node, events);
  }

  constructor(context, node, events) {
    this.context = context;
    this.output = context.createGain(); // all sound passes here
    node.connect(this.output).connect(context.destination);
    node.port.onmessage = ({ data }) => this.#reported(data);
    context.addEventListener('statechange', () => context.state === 'running' && events.onRunning());
    this.#node = node;
    this.#events = events;
    this.#clock = new HeardClock(context);
  }

  /**
   * Queues a segment; it follows the one before it without a gap.
   *
   * @param {Segment} segment
   * @throws {RangeError} when it is no 16-bit mono sound of a usable rate, or too much is waiting already
   */
  play(segment) {
    if (segment.turn === this.#stopped) return;
    const { sampleRate, pcm } = segment;
    const odd = !(pcm instanceof ArrayBuffer) || pcm.byteLength % 2;
    if (odd || !(sampleRate >= RATES_HZ[0] && sampleRate <= RATES_HZ[1])) {
      throw new RangeError(`Segment ${segment.index} is not 16-bit mono sound at ${RATES_HZ.join(' to ')} Hz. It was left out.`);
    }
    const seconds = pcm.byteLength / 2 / sampleRate;
    const waiting = this.#entries.reduce((sum, entry) => sum + entry.seconds, seconds);
    if (waiting * 1000 > QUEUE_MAX_MS)
      throw new RangeError(`More than ${QUEUE_MAX_MS / 60000} minutes of speech are waiting. Segment ${segment.index} was left out.`);
    this.#turn = segment.turn;
    this.#entries.push({ id: this.#nextId++, segment, seconds, from: 0, handed: false, began: null, ended: null, done: false });
    this.#wake();
    this.#pump();
  }

  /** No more segments follow in this turn. */
  end(turn) {
    if (turn === this.#stopped) return;
    this.#turn = turn;
    this.#ended.add(turn);
    this.#finish(turn);
  }

  /**
   * Silences everything at once and forgets what was queued.
   *
   * @returns {{turn: string | null, index: number, ms: number}} the segment that was heard last, and how far; index -1 if none
   */
  stop() {
    const answer = this.#held ?? this.#positionAt(this.#clock.heard());
    this.#held = null;
    this.#node.port.postMessage({ type: 'clear' });
    this.#generation++;
    this.#stopped = this.#turn ?? this.#stopped;
    this.#entries = [];
    this.#ended.clear();
    this.#last = this.#turn = null;
    return answer;
  }

  /**
   * Lowers the voice while somebody else speaks, silences it, or brings it back; silenced, it goes on at the start of the word that was cut off.
   *
   * @param {'full' | 'low' | 'silent'} how
   * @returns {{turn: string | null, index: number, ms: number} | null} of a voice that falls silent: as `stop` does
   */
  lower(how) {
    const at = this.context.currentTime + (how === 'silent' ? UNHEARD_S : 0);
    this.output.gain.setTargetAtTime(how === 'low' ? DUCKED : 1, at, DUCKING_S);
    if ((how === 'silent') === (this.#held !== null)) return null;
    if (this.#held) {
      this.#held = null;
      this.#pump();
      return null;
    }
    return this.#hold();
  }

  /** Passes on all that leaves for the loudspeaker, in pieces of 20 ms; or no longer. @param {((samples: Float32Array) => void) | null} take */
  async tap(take) {
    this.#take = take;
    if (take && !this.#tap) {
      await this.context.audioWorklet.addModule(new URL('../capture/microphone-worklet.mjs', import.meta.url));
      this.#tap ??= new AudioWorkletNode(this.context, 'visavis-microphone', { numberOfOutputs: 0 });
      this.#tap.port.onmessage = ({ data }) => this.#take?.(data.samples);
    }
    if (this.#take) this.output.connect(this.#tap);
    else if (this.#tap) this.output.disconnect(this.#tap);
  }

  /** How loud the frequencies are that are played now. @param {Uint8Array} bins as `AnalyserNode.getByteFrequencyData` fills them */
  spectrum(bins) {
    if (!this.#analyser) this.output.connect((this.#analyser = new AnalyserNode(this.context, ANALYSER)));
    this.#analyser.getByteFrequencyData(bins);
  }

  /** Resumes the context after a user's gesture. */
  resume() {
    if (this.context.state !== 'running') this.context.resume().catch(this.#events.onError);
  }

  /**
   * The segments that shape the mouth now, each with the moment (ms from its start) that is heard: the sounding one, the one
   * whose last sound still shows, the one whose first sound is about to come.
   *
   * @returns {{segment: Segment, ms: number}[]}
   */
  sounding() {
    const heard = this.#clock.heard();
    const near = [];
    let before = null;
    for (const entry of this.#entries) {
      // A segment that lies ready behind a sounding one begins where that one ends.
      const expected = entry.handed && before && before.ended === null ? before.began + before.seconds : null;
      const began = entry.began ?? expected;
      if (began === null || began - heard > AFTERGLOW_S) break;
      if (heard - began - entry.seconds <= AFTERGLOW_S) near.push({ segment: entry.segment, ms: (heard - began) * 1000 });
      if (entry.began === null) break;
      before = entry;
    }
    return near;
  }

  /** Takes back what the worklet has not played: all that was rendered will be heard, and what follows waits. */
  #hold() {
    const rendered = this.context.currentTime;
    this.#held = this.#positionAt(rendered);
    this.#node.port.postMessage({ type: 'clear' });
    for (const entry of this.#entries.filter(({ ended }) => ended === null)) {
      const ms = entry.began === null ? 0 : Math.max(0, rendered - entry.began) * 1000;
      if (ms) entry.from = wordStart(entry.segment, ms) / 1000;
      Object.assign(entry, { id: this.#nextId++, handed: false, began: null }); // what the worklet still says of it is out of date
    }
    return this.#held;
  }

  /** How far the voice is heard at a time of the context's. */
  #positionAt(time) {
    const entry = this.#entries.findLast(({ began, done }) => !done && began !== null && began <= time) ?? this.#last;
    const answer = { turn: entry?.segment.turn ?? this.#turn, index: entry?.segment.index ?? -1, ms: 0 };
    if (entry) answer.ms = Math.round(1000 * Math.min(entry.seconds, Math.max(0, time - entry.began)));
    return answer;
  }

  #reported({ type, id, time }) {
    const entry = this.#entries.find((candidate) => candidate.id === id);
    if (!entry) return; // it was stopped meanwhile
    if (type === 'began') {
      entry.began = time - entry.from;
      this.#last = entry;
      this.#entries = this.#entries.filter(({ ended }) => ended === null || time - ended < AFTERGLOW_S);
      this.#events.onStarted(entry.segment, this.#clock.performanceTimeOf(entry.began), entry.began);
    } else {
      entry.ended = time;
      this.#finish(entry.segment.turn);
    }
    this.#pump();
  }

  /** Tells that a turn is over once its last sample has been heard. */
  #finish(turn) {
    const open = this.#entries.some((entry) => entry.segment.turn === turn && entry.ended === null);
    if (open || !this.#ended.has(turn)) return;
    const generation = this.#generation;
    const lastEnd = Math.max(0, ...this.#entries.filter((entry) => entry.segment.turn === turn).map(({ ended }) => ended));
    const heardIn = lastEnd ? this.#clock.performanceTimeOf(lastEnd) - performance.now() : 0;
    setTimeout(
      () => {
        if (generation !== this.#generation || !this.#ended.delete(turn)) return;
        for (const entry of this.#entries) entry.done ||= entry.segment.turn === turn; // its mouth may still be closing
        if (this.#last?.segment.turn === turn) this.#last = null;
        if (this.#turn === turn) this.#turn = null;
        this.#events.onFinished(turn);
      },
      Math.max(0, heardIn),
    );
  }

  /** Hands segments to the worklet, in order, until enough lies ready there. */
  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    const ready = () => this.#entries.reduce((sum, entry) => sum + (entry.handed && entry.ended === null ? entry.seconds : 0), 0);
    const next = () => (this.#held ? null : this.#entries.find((entry) => !entry.handed));
    for (let entry; (entry = next()) && ready() < READY_S;) await this.#hand(entry);
    this.#pumping = false;
  }

  async #hand(entry) {
    const generation = this.#generation;
    try {
      const samples = await this.#resample(entry.segment);
      if (generation !== this.#generation || this.#held) return;
      const rate = this.context.sampleRate;
      const left = samples.slice(Math.round(entry.from * rate));
      for (let index = 0; entry.from && index < Math.min(left.length, FADE_S * rate); index++) left[index] *= index / (FADE_S * rate);
      Object.assign(entry, { handed: true, seconds: samples.length / rate });
      this.#node.port.postMessage({ type: 'play', id: entry.id, samples: left }, [left.buffer]);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#entries.splice(this.#entries.indexOf(entry), 1);
      this.#events.onError(
        new Error(`The sound of segment ${entry.segment.index} could not be played (${error.message}). It was left out.`),
      );
      this.#finish(entry.segment.turn);
    }
  }

  /** The browser's own decoder resamples, off the main thread and better than a few lines here would. */
  async #resample({ pcm, sampleRate }) {
    if (pcm.byteLength === 0) return new Float32Array(0);
    const buffer = await this.context.decodeAudioData(encodeWav([pcm], sampleRate));
    return buffer.getChannelData(0);
  }

  async #wake() {
    if (this.context.state === 'running') return;
    this.resume();
    await new Promise((resolve) => setTimeout(resolve, WAKE_MS));
    if (this.context.state !== 'running' && this.#entries.length) this.#events.onBlocked();
  }
}
