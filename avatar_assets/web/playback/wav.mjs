// WAV encoder: 16-bit mono PCM behind the 44 bytes of a RIFF header (https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html).

const HEADER_BYTES = 44;

/**
 * One WAV file of pieces of sound that follow each other.
 *
 * @param {ArrayBuffer[]} pieces 16-bit little-endian mono PCM
 * @param {number} sampleRate Hz
 * @returns {ArrayBuffer}
 */
export function encodeWav(pieces, sampleRate) {
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const wav = new Uint8Array(HEADER_BYTES + size);
  const view = new DataView(wav.buffer);
  const text = (offset, value) => wav.set(new TextEncoder().encode(value), offset);
  text(0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + size, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); // size of the format chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * 2, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per frame
  view.setUint16(34, 16, true); // bits per sample
  text(36, 'data');
  view.setUint32(40, size, true);
  let at = HEADER_BYTES;
  for (const piece of pieces) {
    wav.set(new Uint8Array(piece), at);
    at += piece.byteLength;
  }
  return wav.buffer;
}
