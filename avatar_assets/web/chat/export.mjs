// Export: a spoken reply as files, made of its segments: a WAV, and one timeline in HeadTTS's fields.
import { durationOf } from '../playback/segment.mjs';
import { encodeWav } from '../playback/wav.mjs';

const FIELDS = [
  ['words', 'wtimes', 'wdurations'],
  ['visemes', 'vtimes', 'vdurations'],
];

/** One timeline of several segments: the times of each are moved to where it begins in the whole. */
export function mergedTimeline(segments) {
  const whole = { audioEncoding: 'wav', sampleRate: segments[0]?.sampleRate ?? 0, timing: segments[0]?.timing ?? 'measured' };
  for (const name of FIELDS.flat()) whole[name] = [];
  let at = 0;
  for (const segment of segments) {
    for (const [what, times, durations] of FIELDS) {
      whole[what].push(...segment[what]);
      whole[times].push(...segment[times].map((ms) => Math.round((ms + at) * 100) / 100));
      whole[durations].push(...segment[durations]);
    }
    at += durationOf(segment);
  }
  return whole;
}

/** The sound of several segments of the same sample rate. */
export function wavFile(segments) {
  return new Blob([encodeWav(segments.map(({ pcm }) => pcm), segments[0].sampleRate)], { type: 'audio/wav' });
}

/** The merged timeline of several segments. */
export function timelineFile(segments) {
  return new Blob([JSON.stringify(mergedTimeline(segments))], { type: 'application/json' });
}
