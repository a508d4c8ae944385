// A spoken reply as files: pure functions from segments to a WAV and to one timeline in HeadTTS's fields.

const FIELDS = [
  ['words', 'wtimes', 'wdurations'],
  ['visemes', 'vtimes', 'vdurations'],
];

/** Length of a segment in ms. */
export const lengthOf = (segment) => (segment.pcm.byteLength / 2 / segment.sampleRate) * 1000;

/** One timeline of several segments: the times of each are moved to where it begins in the whole. */
export function timelineOf(segments) {
  const whole = { audioEncoding: 'wav', sampleRate: segments[0]?.sampleRate ?? 0, timing: segments[0]?.timing ?? 'measured' };
  for (const name of FIELDS.flat()) whole[name] = [];
  let at = 0;
  for (const segment of segments) {
    for (const [what, times, durations] of FIELDS) {
      whole[what].push(...segment[what]);
      whole[times].push(...segment[times].map((ms) => Math.round((ms + at) * 100) / 100));
      whole[durations].push(...segment[durations]);
    }
    at += lengthOf(segment);
  }
  return whole;
}

/** One 16-bit mono WAV of several segments of the same sample rate. */
export function wavOf(segments) {
  const rate = segments[0].sampleRate;
  const size = segments.reduce((sum, segment) => sum + segment.pcm.byteLength, 0);
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, value) => [...value].forEach((character, index) => head.setUint8(at + index, character.charCodeAt(0)));
  text(0, 'RIFF');
  head.setUint32(4, 36 + size, true);
  text(8, 'WAVEfmt ');
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // PCM
  head.setUint16(22, 1, true); // mono
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, 'data');
  head.setUint32(40, size, true);
  return new Blob([head, ...segments.map((segment) => segment.pcm)], { type: 'audio/wav' });
}
