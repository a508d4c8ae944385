// The mouth's arithmetic: bounds, rest, peaks, closures, and what happens where sounds touch.

import assert from 'node:assert/strict';
import test from 'node:test';
import { VISEMES, restWeights, timelineOf, weightsAt, weightsOf } from '../avatar_assets/web/lipsync/viseme-curves.mjs';

const SHAPES = VISEMES.filter((name) => name !== 'sil');
const CLOSURES = ['PP', 'FF'];
const single = (name, start, duration) => timelineOf({ visemes: [name], vtimes: [start], vdurations: [duration] });
const evenly = (names, duration) =>
  timelineOf({ visemes: names, vtimes: names.map((_, index) => index * duration), vdurations: names.map(() => duration) });

test('there are fifteen shapes, and a mouth at rest has none of them', () => {
  assert.equal(VISEMES.length, 15);
  assert.deepEqual(Object.keys(restWeights()), [...VISEMES]);
  assert.ok(Object.values(restWeights()).every((weight) => weight === 0));
});

for (const name of SHAPES) {
  test(`${name} rises once, reaches its amplitude at its centre, and leaves nothing behind`, () => {
    for (const duration of [10, 60, 100, 400]) {
      const timeline = single(name, 500, duration);
      const at = (ms) => weightsAt(timeline, ms)[name];
      assert.ok(Math.abs(at(500 + duration / 2) - (CLOSURES.includes(name) ? 0.9 : 0.6)) < 1e-9);
      for (let ms = 350; ms < 500 + duration / 2; ms++) assert.ok(at(ms + 1) >= at(ms), `falls at ${ms} ms while setting off`);
      for (let ms = 500 + duration / 2; ms < 1200; ms++) assert.ok(at(ms + 1) <= at(ms), `rises at ${ms} ms while leaving`);
      assert.equal(at(500 - 101), 0);
      assert.equal(at(500 + duration + 101), 0);
      assert.ok(at(500) > 0, 'the mouth sets off before the sound');
    }
  });
}

test('silence has no shape', () => {
  const timeline = single('sil', 0, 1000);
  for (let ms = -200; ms < 1300; ms += 10) assert.deepEqual(weightsAt(timeline, ms), restWeights());
});

test('weights stay between 0 and 1 and change smoothly in a long random speech', () => {
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const visemes = Array.from({ length: 2000 }, () => VISEMES[Math.floor(random() * VISEMES.length)]);
  const vdurations = visemes.map(() => 30 + 200 * random());
  const vtimes = vdurations.map((_, index) => vdurations.slice(0, index).reduce((sum, value) => sum + value, 0));
  const timeline = timelineOf({ visemes, vtimes, vdurations });
  const [before, now] = [restWeights(), restWeights()];
  for (let ms = -300; ms < vtimes.at(-1) + 600; ms += 3) {
    weightsAt(timeline, ms, now);
    for (const name of VISEMES) {
      assert.ok(now[name] >= 0 && now[name] <= 0.9);
      assert.ok(Math.abs(now[name] - before[name]) < 0.25, `${name} jumps at ${ms} ms`);
    }
    Object.assign(before, now);
  }
  assert.deepEqual(now, restWeights());
});

for (const closure of CLOSURES) {
  test(`${closure} closes the mouth fully between two vowels, however short it is`, () => {
    const timeline = timelineOf({ visemes: ['aa', closure, 'O'], vtimes: [0, 200, 240], vdurations: [200, 40, 300] });
    const weights = weightsAt(timeline, 220);
    assert.ok(Math.abs(weights[closure] - 0.9) < 1e-9);
    for (const name of SHAPES) if (name !== closure) assert.ok(weights[name] < 1e-9, `${name} is still ${weights[name]}`);
  });
}

test('neighbours overlap, and a long vowel does not reach far into the sound before it', () => {
  const timeline = evenly(['aa', 'SS'], 100);
  const weights = weightsAt(timeline, 100);
  assert.ok(weights.aa > 0.1 && weights.SS > 0.1);
  assert.equal(weightsAt(timelineOf({ visemes: ['SS', 'aa'], vtimes: [0, 200], vdurations: [200, 900] }), 99).aa, 0);
});

test('the mouth closes within 40 ms of the sound and stays closed in a pause, also before the end [lips.sound]', () => {
  const shapes = [['aa', 100, 300], ['SS', 400, 120], ['O', 900, 250], ['PP', 1150, 60], ['E', 1210, 200]]; // 380 ms of pause before "O"
  const open = (timeline, ms) => Math.max(...Object.values(weightsAt(timeline, ms)));
  const field = (index) => shapes.map((shape) => shape[index]);
  const spoken = timelineOf({ visemes: field(0), vtimes: field(1), vdurations: field(2) });
  const told = timelineOf({ visemes: ['sil', ...field(0)], vtimes: [0, ...field(1)], vdurations: [100, ...field(2)] });
  for (const timeline of [spoken, told]) {
    for (let ms = 560; ms <= 799; ms++) assert.equal(open(timeline, ms), 0, `open in the pause at ${ms} ms`);
    for (let ms = 1450; ms <= 1700; ms++) assert.equal(open(timeline, ms), 0, `open behind the end at ${ms} ms`);
    assert.ok(open(timeline, 510) > 0.1, 'it is open while it sounds');
    assert.ok(open(timeline, 540) < 0.06, 'a tenth of the shape is left 20 ms behind the sound');
    for (let ms = 901; ms < 1400; ms++) assert.ok(open(timeline, ms) > 0, `closed within a phrase at ${ms} ms`);
  }
});

test('where two segments touch, the mouth of both is shown', () => {
  const [first, second] = [single('aa', 0, 200), single('O', 0, 200)];
  const weights = weightsOf([{ timeline: first, ms: 200 }, { timeline: second, ms: 0 }]);
  assert.equal(weights.aa, weightsAt(first, 200).aa);
  assert.equal(weights.O, weightsAt(second, 0).O);
  assert.deepEqual(weightsOf([]), restWeights());
});

test('the given weights are reused and nothing of the moment before stays in them', () => {
  const out = restWeights();
  const timeline = single('aa', 0, 100);
  assert.equal(weightsAt(timeline, 50, out), out);
  assert.deepEqual(weightsAt(timeline, 5000, out), restWeights());
});

test('an order other than by time and overlapping sounds are answered like any other', () => {
  const jumbled = timelineOf({ visemes: ['O', 'aa'], vtimes: [300, 0], vdurations: [100, 900] });
  assert.ok(weightsAt(jumbled, 350).O > 0.59);
  assert.ok(weightsAt(jumbled, 350).aa > 0.59, 'a long sound is found although a shorter one began later');
  assert.ok(weightsAt(jumbled, 800).aa > 0.59);
});

for (const [what, segment, message] of [
  ['lists of different length', { visemes: ['aa'], vtimes: [], vdurations: [10] }, /1 names, 0 times, 1 durations/],
  ['no lists', {}, /not three lists/],
  ['an unknown name', { visemes: ['oh'], vtimes: [0], vdurations: [10] }, /"oh" is not one of sil, PP/],
  ['a name of an object', { visemes: ['__proto__'], vtimes: [0], vdurations: [10] }, /not one of/],
  ['a time that is not a number', { visemes: ['aa'], vtimes: [NaN], vdurations: [10] }, /no stretch of time/],
  ['a negative duration', { visemes: ['aa'], vtimes: [0], vdurations: [-1] }, /no stretch of time/],
  ['an endless duration', { visemes: ['aa'], vtimes: [0], vdurations: [Infinity] }, /no stretch of time/],
]) {
  test(`${what} is refused in plain words`, () => assert.throws(() => timelineOf(segment), message));
}

test('an empty timeline and sounds without duration leave the mouth at rest', () => {
  assert.deepEqual(weightsAt(timelineOf({ visemes: [], vtimes: [], vdurations: [] }), 0), restWeights());
  assert.deepEqual(weightsAt(single('aa', 0, 0), 0), restWeights());
});

test('an hour of speech is answered in microseconds', () => {
  const timeline = evenly(Array.from({ length: 36000 }, (_, index) => SHAPES[index % SHAPES.length]), 100);
  const started = performance.now();
  const out = restWeights();
  for (let index = 0; index < 1000; index++) weightsAt(timeline, index * 3600, out);
  assert.ok(performance.now() - started < 200, 'a search through the whole timeline would take seconds');
});
