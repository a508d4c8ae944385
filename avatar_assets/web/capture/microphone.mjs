// Microphone: records what is said while a button is held or lit, or passes on all that it hears; closed when it has been unused.

import { Resampler } from './resampler.mjs';
import { SoundCheck } from './sound-check.mjs';

/** What speech recognition works with, in Hz. */
const RATE_HZ = 16000;
/** A recording that is shorter holds no word. In ms. */
export const SHORTEST_MS = 250;
/** Kept from before the start, for the syllable that was quicker than the finger. In ms. */
const PRE_ROLL_MS = 300;
/** The longest recording, until the app has said how long one may be. In ms. */
const LONGEST_MS = 120_000;
/** A microphone that has not recorded for so long is given back: no light stays on, and headsets sound as before. In ms. */
const UNUSED_MS = 10_000;
/** Loudness in dB of full scale that counts as nothing, and as all there is. */
const QUIET_DB = -60;
const LOUD_DB = -12;

/** What a browser's refusal means, by the name of its error. */
const REFUSALS = {
  NotAllowedError: 'The microphone is not allowed on this page. Allow it in the address bar of your browser, then try again.',
  SecurityError: 'The microphone is not allowed on this page. Allow it in the address bar of your browser, then try again.',
  NotFoundError: 'No microphone was found. Plug one in, then try again.',
  NotReadableError: 'The microphone is in use by another program. Close that program, then try again.',
  AbortError: 'The microphone could not be started. Unplug it, plug it in again, then try again.',
  InsecureError: 'Browsers give the microphone to pages on https:// or on localhost only. Open this page under such an address.', // our own
};

const ignore = () => {};

/** Loudness (root mean square, 0…1) as a height from 0 to 1, even to the ear. */
export function levelOf(rms) {
  const db = 20 * Math.log10(Math.max(rms, 1e-9));
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

/** Loudness of a sound (root mean square, 0…1). @param {Float32Array} samples */
export function rmsOf(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** A plain sentence for what `getUserMedia` threw. @param {{name?: string, message?: string}} error */
export function refusalOf(error) {
  return REFUSALS[error?.name] ?? `The microphone could not be opened: ${error?.message ?? error}`;
}

/** Floating-point pieces as one 16-bit sound. @param {Float32Array[]} pieces in -1…1 @returns {Int16Array} */
export function pcmOf(pieces) {
  const pcm = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) for (const sample of piece) pcm[at++] = Math.round(Math.min(1, Math.max(-1, sample)) * 32767);
  return pcm;
}

/** Sound that is kept in pieces: a little from before the recording, then everything up to a limit. Pure, so that it can be tested. */
export class Tape {
  #before;
  #longest;
  #pieces = [];
  #kept = 0;
  recording = false;

  /** @param {number} sampleRate Hz  @param {number} [longestMs] of a recording, pre-roll and all, in ms */
  constructor(sampleRate, longestMs = LONGEST_MS) {
    this.#before = (PRE_ROLL_MS * sampleRate) / 1000;
    this.#longest = (longestMs * sampleRate) / 1000;
  }

  /** @param {Float32Array} piece  @returns {boolean} whether it found room */
  add(piece) {
    if (this.recording && this.#kept + piece.length > this.#longest) return false;
    this.#pieces.push(piece);
    this.#kept += piece.length;
    while (!this.recording && this.#kept - this.#pieces[0].length >= this.#before) this.#kept -= this.#pieces.shift().length;
    return true;
  }

  start() {
    this.recording = true;
  }

  /** Everything since the pre-roll; the tape is empty then. @returns {Float32Array[]} */
  stop() {
    const pieces = this.recording ? this.#pieces : [];
    this.recording = false;
    this.#pieces = [];
    this.#kept = 0;
    return pieces;
  }
}

export class Microphone {
  #onSound;
  #onFull;
  #onGone;
  #onMute;
  #onRemark;
  #kept = false; // whether it stays open
  #context = null; // stays from one opening to the next, suspended in between: the next one is open sooner
  #node = null;
  #stream = null;
  #source = null;
  #resampler = null; // where the browser captures at the device's rate only
  #check = new SoundCheck();
  #tape = null; // while it is open
  #opened = null; // the promise of open(): asking twice opens once
  #session = 0;
  #unused = 0; // timer
  /** How long a recording may be, in ms; counts from the next opening on. */
  longestMs = LONGEST_MS;

  /**
   * @param {object} handlers
   * @param {(samples: Float32Array, rms: number, level: number) => void} [handlers.onSound] all that is heard while it is open, in pieces of
   *   about 20 ms, with its loudness and that as a height from 0 to 1
   * @param {(ms: number) => void} [handlers.onFull] a recording is as long as it may be; `stop` gives it
   * @param {() => void} [handlers.onGone] it was unplugged or taken away; `stop` gives what was recorded
   * @param {(muted: boolean) => void} [handlers.onMute] the system, or a call, has muted it, or gives it back
   * @param {(sentence: string) => void} [handlers.onRemark] something is wrong with what is heard: see `SoundCheck`
   */
  constructor({ onSound, onFull, onGone, onMute, onRemark } = {}) {
    this.#onSound = onSound ?? ignore;
    this.#onFull = onFull ?? ignore;
    this.#onGone = onGone ?? ignore;
    this.#onMute = onMute ?? ignore;
    this.#onRemark = onRemark ?? ignore;
  }

  /** Of what it passes on, in Hz. */
  get sampleRate() {
    return RATE_HZ;
  }

  /** Whether the browser takes out of it what the loudspeakers play; undefined where that is not known. */
  get cancelsEcho() {
    const { echoCancellation } = this.#stream?.getAudioTracks()[0]?.getSettings?.() ?? {};
    return echoCancellation === undefined ? undefined : echoCancellation !== false;
  }

  /** From now on it stays open while it is unused; or no longer. @param {boolean} kept */
  keep(kept) {
    this.#kept = kept;
    this.#closeUnused();
  }

  /** Whether it is open. */
  get isOpen() {
    return this.#tape !== null;
  }

  /**
   * Asks for the microphone and begins to listen, but keeps no more than the last moment until `start`.
   *
   * @throws {Error} with a sentence: not allowed, none there, in use, no https
   */
  open() {
    this.#opened ??= this.#open(++this.#session);
    return this.#opened;
  }

  /** The user has done something: a browser that let nothing sound before that lets it now. */
  wake() {
    if (this.isOpen) this.#context?.resume();
  }

  /** Records from now, with the moment before. */
  start() {
    clearTimeout(this.#unused);
    this.#tape?.start();
  }

  /**
   * Ends the recording.
   *
   * @returns {{pcm: Int16Array, sampleRate: number}} 16-bit mono; empty when nothing was recorded
   */
  stop() {
    const pcm = pcmOf(this.#tape?.stop() ?? []);
    this.#closeUnused();
    return { pcm, sampleRate: this.sampleRate };
  }

  /** Gives the microphone back to the system. */
  close() {
    clearTimeout(this.#unused);
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = track.onmute = track.onunmute = null;
      track.stop();
    }
    this.#source?.disconnect();
    this.#context?.suspend();
    this.#stream = this.#source = this.#tape = this.#opened = null;
    this.#session++;
    this.#kept = false;
  }

  async #open(session) {
    let stream = null;
    const require = () => {
      if (session !== this.#session) throw new Error('it was closed before it was open.');
    };
    try {
      if (!globalThis.navigator?.mediaDevices?.getUserMedia) throw Object.assign(new Error(), { name: 'InsecureError' });
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
      require();
      this.#stream = stream;
      await this.#join(stream);
      require();
      const [track] = stream.getAudioTracks();
      track.onmute = () => this.#onMute(true);
      track.onunmute = () => {
        this.#context?.resume(); // a call stops it on some phones
        this.#onMute(false);
      };
      track.onended = () => {
        this.#onGone();
        this.close();
      };
      this.#onMute(track.muted === true);
      this.#closeUnused();
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop(); // no light stays on
      if (session === this.#session) this.close();
      throw new Error(refusalOf(error), { cause: error });
    }
  }

  /** Leads the sound of a device to the worklet. */
  async #join(stream) {
    if (this.#context) {
      try {
        this.#source = this.#context.createMediaStreamSource(stream);
      } catch {
        this.#context.close(); // another device, and a browser that joins none of another rate
        this.#context = null;
      }
    }
    if (!this.#context) {
      const { context, source } = sourceOf(stream);
      await context.audioWorklet.addModule(new URL('./microphone-worklet.mjs', import.meta.url));
      const mono = { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' };
      this.#node = new AudioWorkletNode(context, 'visavis-microphone', mono);
      this.#node.port.onmessage = ({ data }) => this.#hear(data);
      this.#context = context;
      this.#source = source;
    }
    this.#node.port.postMessage({ type: 'reset' }); // what was half a piece when it was closed
    const { sampleRate } = this.#context;
    this.#resampler = sampleRate === RATE_HZ ? null : new Resampler(sampleRate, RATE_HZ);
    this.#check = new SoundCheck();
    this.#tape = new Tape(RATE_HZ, this.longestMs);
    this.#source.connect(this.#node);
    await this.#context.resume();
  }

  #hear({ samples, rms, peak }) {
    const tape = this.#tape;
    if (!tape) return; // it was closed meanwhile
    const piece = this.#resampler ? this.#resampler.push(samples) : samples;
    const remark = this.#check.push(peak, (piece.length / RATE_HZ) * 1000);
    if (!tape.add(piece)) this.#onFull(this.longestMs);
    this.#onSound(piece, rms, levelOf(rms));
    if (remark) this.#onRemark(remark);
  }

  #closeUnused() {
    clearTimeout(this.#unused);
    if (this.isOpen && !this.#kept) this.#unused = setTimeout(() => this.close(), UNUSED_MS);
  }
}

/** A context at the rate of speech recognition; browsers that refuse to join it to the device get the device's rate. */
function sourceOf(stream) {
  const slow = new AudioContext({ sampleRate: RATE_HZ });
  try {
    return { context: slow, source: slow.createMediaStreamSource(stream) };
  } catch {
    slow.close();
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
