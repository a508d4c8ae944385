// Segment: a piece of a reply as it comes over the wire (`engines/api/wire.py`), with its sound as 16-bit PCM.

/** How long a segment is heard, in ms. @param {{pcm: ArrayBuffer, sampleRate: number}} segment */
export function durationOf({ pcm, sampleRate }) {
  return (pcm.byteLength / 2 / sampleRate) * 1000;
}

/** Where a segment that was cut off goes on: at the start of the word that was being heard, or there, where none was. In ms. */
export function wordStart({ wtimes = [], wdurations = [] }, ms) {
  const index = wtimes.findLastIndex((time) => time <= ms);
  return ms < wtimes[index] + wdurations[index] ? wtimes[index] : ms;
}
