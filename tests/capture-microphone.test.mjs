// Microphone: its memory, its level, its words for refusals, when it is given back, and its audio thread; no device needed.

import assert from 'node:assert/strict';
import test, { mock } from 'node:test';
import { Microphone, Tape, levelOf, pcmOf, refusalOf } from '../avatar_assets/web/capture/microphone.mjs';

const RATE = 16000;
const PIECE = 800; // 50 ms
const piece = (value) => new Float32Array(PIECE).fill(value);
const lengthOf = (pieces) => pieces.reduce((sum, part) => sum + part.length, 0);

test('300 ms from before the start are kept, no more than a piece above it [talk.pre-roll]', () => {
  const tape = new Tape(RATE);
  for (let index = 0; index < 100; index++) tape.add(piece(index));
  tape.start();
  tape.add(piece(100));
  const pieces = tape.stop();
  const before = lengthOf(pieces) - PIECE;
  assert.ok(before >= 0.3 * RATE && before < 0.3 * RATE + PIECE, `${before / 16} ms`);
  assert.equal(pieces.at(-1)[0], 100);
  assert.equal(pieces[0][0], 100 - before / PIECE);
});

for (const longestMs of [120_000, 1030]) {
  test(`a recording has room for ${longestMs} ms, pre-roll and all, and never for more`, () => {
    const tape = new Tape(RATE, longestMs);
    for (let index = 0; index < 10; index++) assert.equal(tape.add(piece(0)), true);
    tape.start();
    let room = true;
    for (let index = 0; index < 4000; index++) room = tape.add(piece(0.5));
    assert.equal(room, false);
    const ms = (1000 * lengthOf(tape.stop())) / RATE;
    assert.ok(ms <= longestMs && ms > longestMs - 50, `${ms} ms`);
  });
}

test('a second recording holds nothing of the first; a stop without a start nothing at all', () => {
  const tape = new Tape(RATE);
  tape.add(piece(1));
  assert.deepEqual(tape.stop(), []);
  tape.start();
  tape.add(piece(2));
  tape.stop();
  tape.start();
  tape.add(piece(3));
  assert.deepEqual(tape.stop().map((part) => part[0]), [3]);
});

test('the level follows the ear, from 0 to 1', () => {
  assert.equal(levelOf(0), 0);
  assert.equal(levelOf(1), 1);
  assert.ok(levelOf(0.001) < 0.01);
  assert.ok(levelOf(0.02) > 0.4 && levelOf(0.02) < 0.7);
  for (let rms = 0.001; rms < 0.5; rms *= 1.1) assert.ok(levelOf(rms * 1.1) >= levelOf(rms));
});

test('samples become 16-bit, clipped and in order', () => {
  assert.deepEqual([...pcmOf([Float32Array.of(0, 1, -1), Float32Array.of(2, -3, 0.5)])], [0, 32767, -32767, 32767, -32767, 16384]);
  assert.equal(pcmOf([]).length, 0);
});

for (const name of ['NotAllowedError', 'SecurityError', 'NotFoundError', 'NotReadableError', 'AbortError']) {
  test(`${name} is answered with what happened and what to do`, () => {
    const message = refusalOf({ name, message: 'x' });
    assert.match(message, /^(The|No) microphone .+\. .+(try again|under such an address)\.$/);
  });
}

test('what no browser has said so far is passed on', () => {
  assert.equal(refusalOf(new TypeError('odd')), 'The microphone could not be opened: odd');
  assert.equal(refusalOf('odd'), 'The microphone could not be opened: odd');
});

test('a page that is not secure is told so, and a microphone that is not open answers with silence [talk.microphone-errors]', async () => {
  const told = [];
  const microphone = new Microphone({ onError: (message) => told.push(message) });
  await assert.rejects(microphone.open(), /https:\/\/ or on localhost/);
  assert.equal(told.length, 1);
  assert.match(told[0], /https/);
  microphone.start();
  assert.deepEqual(microphone.stop(), { pcm: new Int16Array(0), sampleRate: RATE });
  microphone.close();
  assert.equal(microphone.isOpen, false);
});

/** What a browser has of devices, as far as the microphone uses it; `pieces` of sound come when the test says so. */
function device() {
  const made = { tracks: [], contexts: [], nodes: [], sources: [] };
  class Context {
    sampleRate = RATE;
    state = 'running';
    audioWorklet = { addModule: async () => {} };
    constructor() {
      made.contexts.push(this);
    }
    createMediaStreamSource(stream) {
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
  const getUserMedia = async () => {
    const track = { stop: () => (track.readyState = 'ended'), readyState: 'live' };
    made.tracks.push(track);
    return { getTracks: () => [track], getAudioTracks: () => [track] };
  };
  Object.assign(globalThis, { AudioContext: Context, AudioWorkletNode: Node });
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: { getUserMedia } }, configurable: true });
  made.hear = (count, value = 0.5) => {
    for (let index = 0; index < count; index++) made.nodes.at(-1).port.onmessage({ data: { samples: piece(value), rms: value } });
  };
  made.light = () => made.tracks.some(({ readyState }) => readyState === 'live');
  return made;
}

test('it is given back 10 s after it was used, never while it records, and opened again by the next use [talk.microphone-closes]', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  const microphone = new Microphone();
  await microphone.open();
  mock.timers.tick(9_900);
  assert.equal(made.light(), true);
  microphone.start();
  mock.timers.tick(60_000);
  assert.equal(made.light(), true);
  made.hear(20);
  microphone.stop();
  mock.timers.tick(9_900);
  await microphone.open(); // within the 10 s: nothing is opened anew
  microphone.start();
  microphone.stop();
  mock.timers.tick(9_900);
  assert.deepEqual([made.light(), made.tracks.length], [true, 1]);
  mock.timers.tick(200);
  assert.deepEqual([made.light(), microphone.isOpen, made.contexts[0].state, made.sources[0].connected], [false, false, 'suspended', false]);
  made.hear(1); // it was on its way
  await microphone.open();
  microphone.start();
  made.hear(10);
  assert.equal(microphone.stop().pcm.length, 10 * PIECE);
  assert.deepEqual([made.light(), made.tracks.length, made.contexts.length, made.nodes[0].reset], [true, 2, 1, true]);
  mock.timers.reset();
});

test('kept open it stays, passes everything on, and says when it is taken away [talk.microphone-closes]', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  const [heard, gone, muted] = [[], [], []];
  const microphone = new Microphone({
    onSound: (samples, rms) => heard.push([samples.length, rms]),
    onGone: (why) => gone.push(why),
    onMute: (on) => muted.push(on),
  });
  await microphone.open();
  microphone.keep(true);
  mock.timers.tick(600_000);
  microphone.start();
  made.hear(2, 0.5);
  microphone.stop();
  mock.timers.tick(60_000);
  assert.deepEqual([made.light(), heard], [true, [[PIECE, 0.5], [PIECE, 0.5]]]);
  made.tracks[0].onmute();
  made.tracks[0].onunmute();
  assert.deepEqual(muted, [true, false]);
  microphone.keep(false);
  mock.timers.tick(10_100);
  assert.equal(made.light(), false);
  await microphone.open();
  microphone.keep(true);
  made.tracks.at(-1).onended();
  assert.match(gone[0], /unplugged.*try again/);
  await microphone.open();
  made.tracks.at(-1).onended(); // not kept this time
  assert.equal(gone.length, 1);
  mock.timers.reset();
});

test('opened and then not used after all, it is given back too', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  await new Microphone().open();
  mock.timers.tick(10_100);
  assert.equal(made.light(), false);
  mock.timers.reset();
});

test('what is heard while it is being opened is not lost', async () => {
  const made = device();
  const microphone = new Microphone();
  const { resume } = AudioContext.prototype;
  AudioContext.prototype.resume = async () => made.hear(4);
  await microphone.open();
  AudioContext.prototype.resume = resume;
  microphone.start();
  assert.equal(microphone.stop().pcm.length, 4 * PIECE);
  microphone.close();
});

test('a context that does not take another device is replaced', async () => {
  const made = device();
  const microphone = new Microphone();
  await microphone.open();
  microphone.close();
  made.contexts[0].createMediaStreamSource = () => {
    throw new Error('another rate');
  };
  await microphone.open();
  assert.deepEqual(made.contexts.map(({ state }) => state), ['closed', 'running']);
  microphone.close();
});

test('the level moves during a recording only', async () => {
  const made = device();
  const levels = [];
  const microphone = new Microphone({ onLevel: (level) => levels.push(level) });
  await microphone.open();
  made.hear(5);
  assert.deepEqual(levels, []);
  microphone.start();
  made.hear(2);
  microphone.stop();
  made.hear(5);
  assert.deepEqual(levels, [1, 1, 0]);
  microphone.close();
});

test('unplugged during a recording, what there is can be had, and it is said; unplugged at rest, nothing is', async () => {
  const made = device();
  const ends = [];
  const microphone = new Microphone({ onEnd: (why) => ends.push([why, microphone.stop().pcm.length]) });
  await microphone.open();
  made.tracks[0].onended();
  assert.deepEqual([ends, microphone.isOpen], [[], false]);
  await microphone.open();
  microphone.start();
  made.hear(10);
  made.tracks[1].onended();
  assert.equal(ends[0][1], 10 * PIECE);
  assert.match(ends[0][0].sent, /unplugged.*was sent\.$/);
  assert.match(ends[0][0].lost, /unplugged.*try again\.$/);
  assert.equal(microphone.isOpen, false);
});

test('a recording ends where the app takes no longer one, and it is said', async () => {
  const made = device();
  const ends = [];
  const microphone = new Microphone({ onEnd: ({ sent }) => ends.push(sent, microphone.stop().pcm.length) });
  microphone.longestMs = 2000;
  await microphone.open();
  microphone.start();
  made.hear(100);
  assert.deepEqual(ends, ['A recording can last 2 seconds. What was recorded until then was sent.', 2 * RATE]);
  microphone.close();
});

test('the audio thread passes every sample on, 50 times a second, with its loudness', async () => {
  let Processor = null;
  globalThis.sampleRate = RATE;
  globalThis.registerProcessor = (_name, processor) => (Processor = processor);
  globalThis.AudioWorkletProcessor = class {
    port = { posted: [], postMessage: (message) => this.port.posted.push(message) };
  };
  await import('../avatar_assets/web/capture/microphone-worklet.mjs');
  const processor = new Processor();
  processor.process([[new Float32Array(128).fill(9)]]);
  processor.port.onmessage({ data: { type: 'reset' } }); // what came before the microphone was opened anew
  const sent = [];
  for (let block = 0; block < 125; block++) {
    const samples = Float32Array.from({ length: 128 }, (_, index) => (block * 128 + index) / RATE);
    sent.push(...samples);
    assert.equal(processor.process([[samples]]), true);
  }
  assert.equal(processor.process([[]]), true, 'a device without a channel');
  const { posted } = processor.port;
  assert.equal(posted.length, 50);
  assert.deepEqual(posted.flatMap(({ samples }) => [...samples]), sent);
  assert.ok(Math.abs(posted[25].rms - 0.51) < 0.01);
});
