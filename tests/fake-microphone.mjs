// Fake microphone: as much of a browser's audio devices as the page uses, for tests in Node.

export const RATE = 16_000;
/** Samples of a piece: 50 ms. */
export const PIECE = 800;
export const piece = (value, length = PIECE) => new Float32Array(length).fill(value);

/**
 * What a browser has of devices; pieces of sound come when the test says so. `only`: the one rate that it joins to the device;
 * `refuse()`: the name of the error with which it refuses, if it does.
 */
export function device({ only = null, muted = false, echoCancellation = true, refuse = null, ...more } = {}) {
  const made = { inputs: 1, tracks: [], contexts: [], nodes: [], sources: [] };
  class Context {
    sampleRate = only ?? RATE;
    state = 'running';
    audioWorklet = { addModule: async () => {} };
    constructor(options) {
      this.asked = options?.sampleRate;
      made.contexts.push(this);
    }
    createMediaStreamSource(stream) {
      if (only && this.asked) throw new Error('another rate');
      const source = { stream, connect: () => (source.connected = true), disconnect: () => (source.connected = false) };
      made.sources.push(source);
      return source;
    }
    async resume() {
      this.state = 'running';
    }
    async suspend() {
      this.state = 'suspended';
    }
    async close() {
      this.state = 'closed';
    }
  }
  class Node {
    port = { postMessage: ({ type }) => (this.reset = type === 'reset') };
    constructor() {
      made.nodes.push(this);
    }
  }
  const enumerateDevices = async () => Array(made.inputs).fill({ kind: 'audioinput' });
  const getUserMedia = async () => {
    if (refuse?.()) throw Object.assign(new Error(), { name: refuse() });
    const track = { stop: () => (track.readyState = 'ended'), readyState: 'live', muted, getSettings: () => ({ echoCancellation }) };
    made.tracks.push(track);
    return { getTracks: () => [track], getAudioTracks: () => [track] };
  };
  Object.assign(globalThis, { AudioContext: Context, AudioWorkletNode: Node });
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: Object.assign(new EventTarget(), { getUserMedia, enumerateDevices }), ...more }, configurable: true });
  made.hear = (count, value = 0.5, length = PIECE) => {
    for (let index = 0; index < count; index++) made.nodes.at(-1).port.onmessage({ data: { samples: piece(value, length), rms: value, peak: value } });
  };
  made.light = () => made.tracks.some(({ readyState }) => readyState === 'live');
  return made;
}
