// Microphone: records what is said while a button is held or lit, and shows all the while how loud it is.

/** What speech recognition works with; a browser that cannot capture at this rate gives its device's. In Hz. */
const RATE_HZ = 16000;
/** Kept from before the start, for the syllable that was quicker than the finger. In ms. */
const PRE_ROLL_MS = 300;
/** A recording that is forgotten ends here by itself. In ms. */
const LONGEST_MS = 120_000;
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
const UNPLUGGED = 'The microphone was unplugged or taken away. Plug it in, then try again.';

/** Loudness (root mean square, 0…1) as a height from 0 to 1, even to the ear. */
export function levelOf(rms) {
  const db = 20 * Math.log10(Math.max(rms, 1e-9));
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
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

/** Sound that is kept in pieces: a little from before, then everything up to a limit. Pure, so that it can be tested. */
export class Tape {
  #before;
  #longest;
  #pieces = [];
  #kept = 0;
  recording = false;

  /** @param {number} sampleRate Hz */
  constructor(sampleRate) {
    this.#before = (PRE_ROLL_MS * sampleRate) / 1000;
    this.#longest = (LONGEST_MS * sampleRate) / 1000;
  }

  /** @param {Float32Array} piece */
  add(piece) {
    if (this.recording && this.#kept >= this.#longest) return;
    this.#pieces.push(piece);
    this.#kept += piece.length;
    while (!this.recording && this.#kept - this.#pieces[0].length >= this.#before) this.#kept -= this.#pieces.shift().length;
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
  #onLevel;
  #onError;
  #stream = null;
  #context = null;
  #tape = null;
  #opened = null; // the promise of open(): asking twice opens once
  #session = 0;

  /**
   * @param {object} handlers
   * @param {(level: number) => void} [handlers.onLevel] 0…1, about 20 times a second while the microphone is open
   * @param {(message: string) => void} [handlers.onError] it could not be opened, or went away; a plain sentence for people
   */
  constructor({ onLevel = () => {}, onError = () => {} } = {}) {
    this.#onLevel = onLevel;
    this.#onError = onError;
  }

  /** Whether it is open. */
  get isOpen() {
    return this.#context !== null;
  }

  /**
   * Asks for the microphone and begins to listen, but keeps no more than the last moment until `start`.
   *
   * @throws {Error} with the sentence that `onError` got too: not allowed, none there, in use, no https
   */
  open() {
    this.#opened ??= this.#open(++this.#session).catch((error) => {
      this.#onError(error.message);
      throw error;
    });
    return this.#opened;
  }

  /** Records from now, with the moment before. */
  start() {
    this.#tape?.start();
  }

  /**
   * Ends the recording.
   *
   * @returns {{pcm: Int16Array, sampleRate: number}} 16-bit mono; empty when nothing was recorded
   */
  stop() {
    return { pcm: pcmOf(this.#tape?.stop() ?? []), sampleRate: this.#context?.sampleRate ?? RATE_HZ };
  }

  /** Gives the microphone back to the system. */
  close() {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    if (this.#context?.state !== 'closed') this.#context?.close();
    this.#stream = this.#context = this.#tape = this.#opened = null;
    this.#session++;
    this.#onLevel(0);
  }

  async #open(session) {
    let stream = null;
    try {
      if (!globalThis.navigator?.mediaDevices?.getUserMedia) throw Object.assign(new Error(), { name: 'InsecureError' });
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
      if (session !== this.#session) throw new Error('it was closed before it was open.');
      this.#stream = stream;
      await this.#listen();
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop(); // no light stays on
      if (session === this.#session) this.close();
      throw new Error(refusalOf(error), { cause: error });
    }
  }

  async #listen() {
    const { context, source } = sourceOf(this.#stream);
    this.#context = context;
    await context.audioWorklet.addModule(new URL('./microphone-worklet.mjs', import.meta.url));
    const tape = (this.#tape = new Tape(context.sampleRate));
    const node = new AudioWorkletNode(context, 'visavis-microphone', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    node.port.onmessage = ({ data: { samples, rms } }) => {
      if (tape !== this.#tape) return; // it was closed meanwhile
      tape.add(samples);
      this.#onLevel(levelOf(rms));
    };
    source.connect(node);
    this.#stream.getAudioTracks()[0].onended = () => {
      this.close();
      this.#onError(UNPLUGGED);
    };
    await context.resume();
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
