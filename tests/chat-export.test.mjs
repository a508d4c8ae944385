// Export of a reply: one WAV and one timeline of several segments, exact to the sample and to the millisecond.
import assert from 'node:assert/strict';
import test from 'node:test';

import { mergedTimeline, wavFile } from '../avatar_assets/web/chat/export.mjs';

const segment = (samples, rate, first) => ({
  sampleRate: rate,
  pcm: Int16Array.from({ length: samples }, (_, index) => first + index).buffer,
  timing: 'measured',
  words: ['one ', 'two'],
  wtimes: [0, 100],
  wdurations: [100, 50],
  visemes: ['aa', 'PP'],
  vtimes: [0, 80],
  vdurations: [80, 40],
});

test('the times of each segment move to where it begins in the whole', () => {
  const segments = [segment(4800, 24_000, 0), segment(2400, 24_000, 5)];
  const whole = mergedTimeline(segments);
  assert.deepEqual(whole.wtimes, [0, 100, 200, 300]);
  assert.deepEqual(whole.vtimes, [0, 80, 200, 280]);
  assert.deepEqual(whole.words, ['one ', 'two', 'one ', 'two']);
  assert.deepEqual([whole.timing, whole.sampleRate], ['measured', 24_000]);
  for (const names of [['words', 'wtimes', 'wdurations'], ['visemes', 'vtimes', 'vdurations']])
    assert.equal(new Set(names.map((name) => whole[name].length)).size, 1);
});

test('the WAV holds every sample in order behind a correct header [page.replay]', async () => {
  const wav = Buffer.from(await wavFile([segment(3, 22_050, 10), segment(2, 22_050, 20)]).arrayBuffer());
  assert.equal(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 12), 'RIFFWAVE');
  assert.equal(wav.readUInt32LE(4), wav.length - 8);
  assert.deepEqual([wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt32LE(28)], [1, 1, 22_050, 44_100]);
  assert.equal(wav.readUInt32LE(40), 10);
  assert.deepEqual([...new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length))], [10, 11, 12, 20, 21]);
});

test('a reply without sound has an empty timeline', () => {
  assert.deepEqual(mergedTimeline([]).visemes, []);
});
