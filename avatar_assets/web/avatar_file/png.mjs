// PNG encoder. A canvas could write one too, but forgets the colour of what is transparent, and hair is framed in black then.
// Format: W3C, Portable Network Graphics, third edition.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const RGBA_8 = [8, 6, 0, 0, 0];
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/**
 * Writes a picture.
 *
 * @param {Uint8Array} pixels RGBA, row by row from the top
 * @param {{width: number, height: number}} size
 * @returns {Promise<Uint8Array>}
 */
export async function pngOf(pixels, { width, height }) {
  const rows = new Uint8Array(height * (1 + 4 * width)); // each row begins with its filter: none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(4 * width * y, 4 * width * (y + 1)), y * (1 + 4 * width) + 1);
  const packed = await new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'))).arrayBuffer();
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set(RGBA_8, 8);
  const parts = [new Uint8Array(SIGNATURE), chunk('IHDR', head), chunk('IDAT', new Uint8Array(packed)), chunk('IEND', new Uint8Array())];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function chunk(name, data) {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(name), 4);
  out.set(data, 8);
  let rest = 0xffffffff;
  for (const byte of out.subarray(4, 8 + data.length)) rest = CRC[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  view.setUint32(8 + data.length, ~rest >>> 0);
  return out;
}
