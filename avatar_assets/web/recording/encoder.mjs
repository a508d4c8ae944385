// Film encoder: pictures with exact time stamps and their sound as an MP4 or WebM file, by WebCodecs and Mediabunny's muxer.

/** Of the film's sound, in Hz: what AAC and Opus both take. */
export const SOUND_RATE = 48000;
const AUDIO_BITS_PER_S = 128_000;
/** Bits of the film for each of its pixels in a second, at 25 frames: faces are large and smooth. */
const BITS_PER_PIXEL = 0.2;
const LEAST_BITS_PER_S = 400_000;
const WHO_CAN = 'Current Chrome, Edge, Firefox and Safari do.';
/** Players seek to key frames. In s. */
const KEY_FRAME_EVERY_S = 2;

/**
 * What a film may be, the first that the browser can encode; MP4 first, for it opens everywhere. `probe` is what WebCodecs is asked for.
 * AAC is Mediabunny's own everywhere, for not every browser encodes it, and how late the sound is has to be known: `delay` is in samples of
 * silence before the first, which the file tells players to leave out.
 *
 * @typedef {{name: string, suffix: string, type: string, video: string, audio: string, delay: number, probe: string}} FilmKind
 * @type {FilmKind[]}
 */
const KINDS = [
  { name: 'MP4', suffix: 'mp4', type: 'video/mp4', video: 'avc', audio: 'aac', delay: 1024, probe: 'avc1.42001f' },
  { name: 'WebM', suffix: 'webm', type: 'video/webm', video: 'vp9', audio: 'opus', delay: 0, probe: 'vp09.00.31.08' },
];

/**
 * What this browser can encode.
 *
 * @param {string} [suffix] of the only kind that is wanted
 * @returns {Promise<{kind: FilmKind | null, reason: string}>} no kind has a reason, a sentence
 */
export async function encodableKind(suffix, browser = globalThis) {
  const { VideoEncoder, AudioEncoder } = browser;
  if (!VideoEncoder) return { kind: null, reason: `This browser cannot encode video: it has no WebCodecs. ${WHO_CAN}` };
  for (const kind of KINDS) {
    if (suffix && suffix !== kind.suffix) continue;
    const video = await VideoEncoder.isConfigSupported({ codec: kind.probe, width: 640, height: 480 });
    const config = { codec: kind.audio, sampleRate: SOUND_RATE, numberOfChannels: 1 };
    const sound = kind.audio === 'aac' ? { supported: true } : await AudioEncoder?.isConfigSupported(config);
    if (video.supported && sound?.supported) return { kind, reason: '' };
  }
  const none = suffix ? `no ${KINDS.find((kind) => kind.suffix === suffix).name}` : 'neither MP4 nor WebM';
  return { kind: null, reason: `This browser encodes ${none}. ${WHO_CAN}` };
}

let aac = null;
function registerAac() {
  aac ??= import('@mediabunny/aac-encoder').then(({ registerAacEncoder }) => registerAacEncoder());
  return aac;
}

/** Encodes one film: `add` its frames in their order, then `finish`, or `cancel` at any time. */
export class FilmEncoder {
  #output;
  #video;
  #fps;
  #kind;
  #sound;

  /**
   * @param {object} film
   * @param {HTMLCanvasElement} film.canvas is read at every `add`; its sides are even
   * @param {FilmKind} film.kind see `encodableKind`
   * @param {number} film.fps
   * @param {Float32Array} film.samples the whole sound: mono at `SOUND_RATE`
   * @returns {Promise<FilmEncoder>}
   * @throws {Error} when Mediabunny cannot be loaded or an encoder cannot be opened
   */
  static async open({ canvas, kind, fps, samples }) {
    const media = await import('mediabunny');
    if (kind.audio === 'aac') await registerAac();
    const output = new media.Output({
      format: kind.suffix === 'mp4' ? new media.Mp4OutputFormat({ fastStart: 'in-memory' }) : new media.WebMOutputFormat(),
      target: new media.BufferTarget(),
    });
    const bitrate = Math.max(LEAST_BITS_PER_S, Math.round(canvas.width * canvas.height * 25 * BITS_PER_PIXEL));
    const video = new media.CanvasSource(canvas, {
      codec: kind.video,
      quality: new media.Quality({ bitrate }),
      keyFrameInterval: KEY_FRAME_EVERY_S,
      latencyMode: 'realtime',
    });
    const audio = new media.AudioBufferSource(
      { codec: kind.audio, quality: new media.Quality({ bitrate: AUDIO_BITS_PER_S }) },
      { startTimestamp: -kind.delay / SOUND_RATE },
    );
    output.addVideoTrack(video, { frameRate: fps });
    output.addAudioTrack(audio);
    await output.start();
    const sound = new AudioBuffer({ length: samples.length, sampleRate: SOUND_RATE });
    sound.copyToChannel(samples, 0);
    const added = audio.add(sound).then(() => audio.close());
    added.catch(() => {}); // `finish` tells
    return new FilmEncoder(output, video, { fps, kind, added });
  }

  constructor(output, video, { fps, kind, added }) {
    this.#output = output;
    this.#video = video;
    this.#fps = fps;
    this.#kind = kind;
    this.#sound = added;
  }

  /** The canvas as it is now is a frame. @param {number} index from 0  @returns {Promise<void>} when there is room for the next */
  add(index) {
    return this.#video.add(index / this.#fps, 1 / this.#fps);
  }

  /** @returns {Promise<Blob>} the file */
  async finish() {
    this.#video.close();
    await this.#sound;
    await this.#output.finalize();
    return new Blob([this.#output.target.buffer], { type: this.#kind.type });
  }

  /** Forgets everything. */
  async cancel() {
    if (this.#output.state === 'started') await this.#output.cancel();
  }
}
