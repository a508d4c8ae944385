// Segment: a piece of a reply as it comes over the wire (`engines/api/wire.py`), and as it is played: with its sound as PCM.

/**
 * A segment with its sound decoded.
 *
 * @param {{audio: string}} event `audio` is base64 of 16-bit little-endian mono PCM
 * @returns {{pcm: ArrayBuffer, sampleRate: number, index: number}} with everything else that came along
 */
export function segmentFromWire({ audio, ...segment }) {
  return { ...segment, pcm: fromBase64(audio).buffer };
}

/** How long a segment is heard, in ms. */
export function durationOf({ pcm, sampleRate }) {
  return (pcm.byteLength / 2 / sampleRate) * 1000;
}

/** The browser's own base64 where it has one, which is ten times faster. @param {string} text @returns {Uint8Array} */
function fromBase64(text) {
  return Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
