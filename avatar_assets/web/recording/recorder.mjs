// Recorder: a spoken reply as a video file, taken on the stage while it is said again.

/** Silence before the reply, in which the recorder gets ready, in ms. */
export const LEAD_MS = 700;
/** The film begins this long before the first sound, in ms: timers are not exact, and no sound may be missing. */
const EARLY_MS = 30;
/** Frames per second of the film; fewer where the stage draws fewer. */
const FPS = 30;
const VIDEO_BITS_PER_S = 2_500_000;
const AUDIO_BITS_PER_S = 128_000;
/** An encoder that has given nothing for so long has come to the end, asked so often, in ms. */
const QUIET_MS = 400;
const ASK_MS = 50;
/** So many frames before the first sound tell how late frames are. */
const LOOKED_AT = 8;
/** No sound is later than this on any loudspeaker, in s. */
const DELAY_MAX_S = 2;

/**
 * What a film may be, the first that the browser can write. WebM first: Chromium's MP4 forgets which track began later, and on a busy
 * machine the picture does. `late`: by how much Chromium stamps the sound later than the picture, in ms. A packet of sound seems to be
 * stamped when it is full, and lasts 60 ms in Opus, 21 ms in AAC; a picture is stamped a few ms after it was drawn. No page can ask for
 * that, so it was measured: Opus with `benchmarks/saved_video.py`, whose median over everybody these ms bring to zero, AAC with a canvas
 * and a tone that change together.
 */
const KINDS = [
  { name: 'WebM', suffix: 'webm', type: 'video/webm;codecs=vp8,opus', late: 50 },
  { name: 'WebM', suffix: 'webm', type: 'video/webm', late: 50 },
  { name: 'MP4', suffix: 'mp4', type: 'video/mp4', late: 18 },
];
const CHROMIUM = /Chrom(e|ium)\//;

/**
 * What this browser can record.
 *
 * @returns {{kind: {name: string, suffix: string, type: string} | null, reason: string}} no kind has a reason, a sentence
 */
export function recordable(browser = globalThis) {
  if (!browser.MediaRecorder) return { kind: null, reason: 'This browser cannot record: it has no MediaRecorder. Current Chrome, Edge, Firefox and Safari do.' };
  if (!browser.HTMLCanvasElement?.prototype.captureStream)
    return { kind: null, reason: 'This browser cannot film the stage: its canvas has no captureStream. Current Chrome, Edge, Firefox and Safari have it.' };
  const kind = KINDS.find(({ type }) => browser.MediaRecorder.isTypeSupported(type)) ?? null;
  return { kind, reason: kind ? '' : 'This browser writes neither MP4 nor WebM. Current Chrome, Edge, Firefox and Safari do.' };
}

/** The middle of some numbers; 0 of none. */
export function medianOf(values) {
  return values.length ? [...values].sort((a, b) => a - b)[values.length >> 1] : 0;
}

/** Takes one film: `frame` from the beginning, `start` when the first sound is due, `finish` or `cancel` once. */
export class Recorder {
  #canvas;
  #kind;
  #output;
  #delay = null;
  #media = null;
  #parts = [];
  #lags = []; // how long frames took from their mouth to the film, in ms
  #latencies = []; // from the end of the graph to the ear, in s
  #timer = 0;

  /**
   * @param {object} options
   * @param {HTMLCanvasElement} options.canvas what is filmed
   * @param {AudioNode} options.output all sound passes here
   * @param {{name: string, suffix: string, type: string}} options.kind see `recordable`
   */
  constructor({ canvas, output, kind }) {
    this.#canvas = canvas;
    this.#output = output;
    this.#kind = kind;
  }

  /** A frame has been drawn whose mouth was asked for at `at` (performance time in ms); the sound's latency (s) at this moment. */
  frame(at, latency) {
    if (this.#media) return;
    this.#lags = [...this.#lags, performance.now() - at].slice(-LOOKED_AT); // the first frames of a film take longer
    this.#latencies.push(latency);
  }

  /**
   * Begins the film with the first sound. The mouth is drawn for what is heard, and is a moment on its way to the film; the sound
   * is taken before it goes to the loudspeaker. So it waits as long.
   *
   * @param {number} at performance time in ms at which the first sound is heard
   */
  start(at) {
    const wait = (ms, then) => (this.#timer = setTimeout(then, Math.max(0, ms)));
    wait(at - EARLY_MS - performance.now(), () => {
      const lag = medianOf(this.#lags);
      const late = CHROMIUM.test(navigator.userAgent) ? this.#kind.late : 0;
      this.#open(medianOf(this.#latencies) + (lag - late) / 1000);
      wait(lag, () => this.#media.start());
    });
  }

  /** Ends the film. @returns {Promise<Blob>} its file  @throws {Error} when nothing was recorded */
  async finish() {
    clearTimeout(this.#timer);
    await sleep(1000 * (this.#delay?.delayTime.value ?? 0)); // the last sound is still on its way
    if (this.#media?.state === 'recording') await this.#drain();
    this.#release();
    const file = new Blob(this.#parts, { type: this.#kind.type.split(';')[0] });
    if (!file.size) throw new Error('the browser recorded nothing');
    return file;
  }

  /** Forgets everything. */
  cancel() {
    clearTimeout(this.#timer);
    if (this.#media && this.#media.state !== 'inactive') this.#media.stop();
    this.#release();
  }

  #open(delay) {
    const { context } = this.#output;
    const target = context.createMediaStreamDestination();
    this.#delay = new DelayNode(context, { maxDelayTime: DELAY_MAX_S, delayTime: Math.min(DELAY_MAX_S, Math.max(0, delay)) });
    this.#output.connect(this.#delay).connect(target);
    const tracks = [...this.#canvas.captureStream(FPS).getVideoTracks(), ...target.stream.getAudioTracks()];
    this.#media = new MediaRecorder(new MediaStream(tracks), {
      mimeType: this.#kind.type,
      videoBitsPerSecond: VIDEO_BITS_PER_S,
      audioBitsPerSecond: AUDIO_BITS_PER_S,
    });
    this.#media.ondataavailable = ({ data }) => this.#parts.push(data);
  }

  /** Stops, without new frames, once everything that was filmed is encoded: a stop alone throws away what a busy encoder has not come to. */
  async #drain() {
    const media = this.#media;
    for (const track of media.stream.getAudioTracks()) track.stop(); // the film ends here
    for (let quiet = 0, size = 0; quiet < QUIET_MS; quiet += ASK_MS) {
      media.requestData();
      await sleep(ASK_MS);
      const now = this.#parts.reduce((sum, part) => sum + part.size, 0);
      if (now !== size) quiet = 0;
      size = now;
    }
    const stopped = new Promise((resolve, reject) => {
      media.onstop = resolve;
      media.onerror = ({ error }) => reject(error);
    });
    media.stop();
    await stopped;
  }

  #release() {
    for (const track of this.#media?.stream.getTracks() ?? []) track.stop();
    if (this.#delay) this.#output.disconnect(this.#delay);
    this.#delay = null;
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
