// Film playback: a reply on the timeline of its film. What the player is for a stage that is heard, this is for one that is filmed.

import { AFTERGLOW_S } from '../playback/player.mjs';
import { encodeWav } from '../playback/wav.mjs';
import { SOUND_RATE } from './encoder.mjs';

/** The loudness of so many of the last samples, between these levels in dB, is what an analyser of the live sound would show. */
const LOOKED_AT = 512;
const QUIETEST_DB = -64;
const LOUDEST_DB = -4;

const AFTERGLOW_MS = 1000 * AFTERGLOW_S;
const msOf = (samples) => (1000 * samples) / SOUND_RATE;

export class FilmPlayback {
  #entries = []; // {segment, began, ended} in ms of the film
  #samples;
  #at = 0;

  /**
   * Lays the segments one after another.
   *
   * @param {import('../playback/player.mjs').Segment[]} segments
   * @param {{leadMs: number, tailMs: number}} silence before and after them
   * @returns {Promise<FilmPlayback>}
   * @throws {Error} when a segment's sound cannot be decoded
   */
  static async of(segments, { leadMs, tailMs }) {
    const decoder = new OfflineAudioContext(1, 1, SOUND_RATE);
    const sounds = [];
    for (const { pcm, sampleRate } of segments) {
      const decoded = pcm.byteLength ? await decoder.decodeAudioData(encodeWav([pcm], sampleRate)) : null;
      sounds.push(decoded?.getChannelData(0) ?? new Float32Array(0));
    }
    return new FilmPlayback(segments, sounds, { leadMs, tailMs });
  }

  /** @param {Float32Array[]} sounds of each segment at `SOUND_RATE` */
  constructor(segments, sounds, { leadMs, tailMs }) {
    const [lead, tail] = [leadMs, tailMs].map((ms) => Math.round((ms * SOUND_RATE) / 1000));
    this.#samples = new Float32Array(sounds.reduce((sum, { length }) => sum + length, lead + tail));
    let from = lead;
    for (const [index, sound] of sounds.entries()) {
      this.#samples.set(sound, from);
      this.#entries.push({ segment: segments[index], began: msOf(from), ended: msOf(from + sound.length) });
      from += sound.length;
    }
  }

  /** Of the film, in ms. */
  get duration() {
    return msOf(this.#samples.length);
  }

  /** The whole sound: mono at `SOUND_RATE`. @returns {Float32Array} */
  get samples() {
    return this.#samples;
  }

  /** The film is at this moment. @param {number} ms */
  moveTo(ms) {
    this.#at = ms;
  }

  /** As `Player.sounding`. */
  sounding() {
    return this.#entries
      .filter(({ began, ended }) => began - this.#at <= AFTERGLOW_MS && this.#at - ended <= AFTERGLOW_MS)
      .map(({ segment, began }) => ({ segment, ms: this.#at - began }));
  }

  /** The segment whose sound is heard now. @returns {import('../playback/player.mjs').Segment | null} */
  get heard() {
    return this.#entries.find(({ began, ended }) => began <= this.#at && this.#at < ended)?.segment ?? null;
  }

  /** As `Player.spectrum`, which moves the head a little: here all frequencies are equally loud. @param {Uint8Array} bins */
  spectrum(bins) {
    const to = Math.round((this.#at * SOUND_RATE) / 1000);
    const last = this.#samples.subarray(Math.max(0, to - LOOKED_AT), to);
    const power = last.reduce((sum, sample) => sum + sample * sample, 0) / LOOKED_AT;
    const share = (10 * Math.log10(power + 1e-9) - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB);
    bins.fill(Math.round(255 * Math.min(1, Math.max(0, share))));
  }
}
