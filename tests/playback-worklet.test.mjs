// The audio thread's half of the player, run block by block without an audio thread.

import assert from 'node:assert/strict';
import test from 'node:test';

const BLOCK = 128;
let Processor = null;
globalThis.sampleRate = 48000;
globalThis.currentTime = 0;
globalThis.registerProcessor = (_name, processor) => (Processor = processor);
globalThis.AudioWorkletProcessor = class {
  port = { posted: [], postMessage: (message) => this.port.posted.push(message) };
};
await import('../avatar_assets/web/playback/player-worklet.mjs');

function player() {
  globalThis.currentTime = 0;
  const processor = new Processor();
  return {
    reports: processor.port.posted,
    play: (id, ...samples) => processor.port.onmessage({ data: { type: 'play', id, samples: Float32Array.from(samples) } }),
    clear: () => processor.port.onmessage({ data: { type: 'clear' } }),
    run(blocks) {
      const heard = [];
      for (let index = 0; index < blocks; index++) {
        const block = new Float32Array(BLOCK);
        assert.equal(processor.process([], [[block]]), true);
        heard.push(...block);
        globalThis.currentTime += BLOCK / sampleRate;
      }
      return heard;
    },
  };
}
const ramp = (length, offset = 0) => Array.from({ length }, (_, index) => (index + 1 + offset) / 4096);
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} instead of ${expected}`);

for (const lengths of [
  [300, 500],
  [128, 128],
  [1, 1, 1, 254],
  [127, 129, 2],
]) {
  test(`segments of ${lengths.join(', ')} samples follow each other without a gap`, () => {
    const { play, run, reports } = player();
    let offset = 0;
    lengths.forEach((length, id) => {
      play(id, ...ramp(length, offset));
      offset += length;
    });
    const heard = run(8);
    assert.deepEqual(heard.slice(0, offset), [...Float32Array.from(ramp(offset))]);
    assert.ok(heard.slice(offset).every((sample) => sample === 0));
    let at = 0;
    lengths.forEach((length, id) => {
      near(reports.find((report) => report.type === 'began' && report.id === id).time, at / sampleRate);
      at += length;
      near(reports.find((report) => report.type === 'ended' && report.id === id).time, at / sampleRate);
    });
    assert.equal(reports.length, 2 * lengths.length);
  });
}

test('a segment that comes late begins in the middle of the silence, and says when', () => {
  const { play, run, reports } = player();
  play(0, ...ramp(100));
  run(3);
  play(1, ...ramp(100));
  run(1);
  near(reports[2].time, (3 * BLOCK) / sampleRate);
});

test('a sound that is cut off fades within 5 ms and nothing that was queued is heard', () => {
  const { play, clear, run, reports } = player();
  play(0, ...Array(48000).fill(1));
  play(1, ...Array(48000).fill(1));
  assert.ok(run(3).every((sample) => sample === 1));
  clear();
  const heard = run(10);
  const steps = heard.slice(1).map((sample, index) => Math.abs(sample - heard[index]));
  assert.ok(Math.max(...steps) < 0.01, 'a click');
  assert.ok(heard.slice(240).every((sample) => sample === 0));
  assert.equal(reports.filter(({ type }) => type === 'ended').length, 0);
});

test('what is played right after a stop is heard whole, while the old sound fades under it', () => {
  const { play, clear, run, reports } = player();
  play(0, ...Array(1000).fill(0.5));
  run(1);
  clear();
  play(1, ...Array(1000).fill(0.25));
  const heard = run(10);
  near(heard[0], 0.75);
  assert.ok(heard.slice(240, 1000).every((sample) => sample === 0.25));
  assert.ok(heard.slice(1000).every((sample) => sample === 0));
  near(reports.find(({ type, id }) => type === 'ended' && id === 1).time, (BLOCK + 1000) / sampleRate);
});

test('stopping silence, stopping twice, and a sound shorter than its fade leave silence', () => {
  const { play, clear, run } = player();
  clear();
  assert.ok(run(1).every((sample) => sample === 0));
  play(0, ...Array(BLOCK + 20).fill(1));
  run(1);
  clear();
  clear();
  assert.ok(run(4).slice(20).every((sample) => sample === 0));
});

test('an empty segment begins and ends at once and holds nothing up', () => {
  const { play, run, reports } = player();
  play(0);
  play(1, 1, 1);
  assert.deepEqual(run(1).slice(0, 3), [1, 1, 0]);
  assert.deepEqual(
    reports.map(({ type, id }) => `${type} ${id}`),
    ['began 0', 'ended 0', 'began 1', 'ended 1'],
  );
});
