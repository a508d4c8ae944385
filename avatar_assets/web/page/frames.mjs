// Frame: a JSON object with the bytes that belong to it, as `engines/api/frames.py` writes and reads it.

const HEAD_BYTES = 8;

/** One frame. @param {object} message  @param {ArrayBuffer | ArrayBufferView} [data] @returns {Uint8Array} */
export function frame(message, data = new ArrayBuffer(0)) {
  const text = new TextEncoder().encode(JSON.stringify(message));
  const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const whole = new Uint8Array(HEAD_BYTES + text.length + bytes.length);
  const head = new DataView(whole.buffer);
  head.setUint32(0, text.length, true);
  head.setUint32(4, bytes.length, true);
  whole.set(text, HEAD_BYTES);
  whole.set(bytes, HEAD_BYTES + text.length);
  return whole;
}

/** Cuts a stream of bytes into messages, however it arrives in pieces. */
export class FrameReader {
  #rest = new Uint8Array(0);

  /**
   * The messages that are complete now, each with its bytes, if it has any, as `pcm`; keep-alives are left out.
   *
   * @param {Uint8Array} piece
   * @returns {object[]}
   */
  push(piece) {
    const whole = new Uint8Array(this.#rest.length + piece.length);
    whole.set(this.#rest);
    whole.set(piece, this.#rest.length);
    const head = new DataView(whole.buffer);
    const messages = [];
    let at = 0;
    while (whole.length - at >= HEAD_BYTES) {
      const text = at + HEAD_BYTES;
      const data = text + head.getUint32(at, true);
      const end = data + head.getUint32(at + 4, true);
      if (end > whole.length) break;
      if (data > text) {
        const message = JSON.parse(new TextDecoder().decode(whole.subarray(text, data)));
        messages.push(end > data ? { ...message, pcm: whole.buffer.slice(data, end) } : message);
      }
      at = end;
    }
    this.#rest = whole.subarray(at);
    return messages;
  }
}
