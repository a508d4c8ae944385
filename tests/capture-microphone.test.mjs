// The microphone's memory, its level, its words for refusals, and its audio thread; no device needed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Microphone, Tape, levelOf, pcmOf, refusalOf } from '../avatar_assets/web/capture/microphone.mjs';

const RATE = 16000;
const PIECE = 800; // 50 ms
const piece = (value) => new Float32Array(PIECE).fill(value);
const lengthOf = (pieces) => pieces.reduce((sum, part) => sum + part.length, 0);

test('300 ms from before the start are kept, no more than a piece above it', () => {
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

test('a recording ends at 120 s by itself', () => {
  const tape = new Tape(RATE);
  tape.start();
  for (let index = 0; index < 4000; index++) tape.add(piece(0.5));
  assert.equal(lengthOf(tape.stop()) / RATE, 120);
});

test('a second recording holds nothing of the first; a stop without a start nothing at all', () => {
  const tape = new Tape(RATE);
  tape.add(piece(1));
  assert.deepEqual(tape.stop(), []);
  tape.start();
  tape.add(piece(2));
  tape.stop();
  tape.start();
  tape.add(piece(3));
  assert.deepEqual(
    tape.stop().map((part) => part[0]),
    [3],
  );
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

test('a page that is not secure is told so, and a microphone that is not open answers with silence', async () => {
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

test('the audio thread passes every sample on, 20 times a second, with its loudness', async () => {
  let Processor = null;
  globalThis.sampleRate = RATE;
  globalThis.registerProcessor = (_name, processor) => (Processor = processor);
  globalThis.AudioWorkletProcessor = class {
    port = { posted: [], postMessage: (message) => this.port.posted.push(message) };
  };
  await import('../avatar_assets/web/capture/microphone-worklet.mjs');
  const processor = new Processor();
  const sent = [];
  for (let block = 0; block < 125; block++) {
    const samples = Float32Array.from({ length: 128 }, (_, index) => (block * 128 + index) / RATE);
    sent.push(...samples);
    assert.equal(processor.process([[samples]]), true);
  }
  assert.equal(processor.process([[]]), true, 'a device without a channel');
  const { posted } = processor.port;
  assert.equal(posted.length, 20);
  assert.deepEqual(
    posted.flatMap(({ samples }) => [...samples]),
    sent,
  );
  assert.ok(Math.abs(posted[10].rms - 0.525) < 0.01);
});
