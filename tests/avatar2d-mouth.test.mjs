// The drawn mouth: every shape can be told from every other, and no weights break it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { VISEMES, restWeights } from '../avatar_assets/web/lipsync/viseme-curves.mjs';
import { lookOf } from '../avatar_assets/web/avatar2d/portrait2d.mjs';
import { featuresOf, mouthOf } from '../avatar_assets/web/avatar2d/mouth2d.mjs';

const full = (name) => ({ ...restWeights(), [name]: name === 'sil' ? 0 : 0.9 });
const numbersOf = (shape) =>
  JSON.stringify(shape)
    .match(/-?\d+(\.\d+)?/g)
    .map(Number);
/** Height of the gap in the middle between the lips: the curves' handles pull it three quarters of their way. */
const gapOf = (shape) => {
  const numbers = numbersOf(shape.gap);
  return 0.75 * (numbers[9] - numbers[3]);
};

test('each of the fifteen mouths differs visibly from each other one [stage.drawn-face]', () => {
  for (const [index, one] of VISEMES.entries()) {
    for (const other of VISEMES.slice(0, index)) {
      const [a, b] = [mouthOf(full(one)), mouthOf(full(other))].map(numbersOf);
      const distance = Math.max(...a.map((value, place) => Math.abs(value - b[place])));
      assert.ok(distance > 2, `${one} and ${other} differ by ${distance.toFixed(1)} of 60`);
    }
  }
});

test('closures close, open vowels open, rounded ones are narrow and spread ones wide', () => {
  const widthOf = (name) => Math.abs(numbersOf(mouthOf(full(name)).gap)[0]);
  assert.ok(gapOf(mouthOf(full('PP'))) < 0.5);
  assert.ok(gapOf(mouthOf(full('aa'))) > 35);
  assert.ok(gapOf(mouthOf(full('O'))) > 25);
  assert.ok(widthOf('U') < widthOf('O') && widthOf('O') < widthOf('aa') && widthOf('aa') < widthOf('I'));
});

test('the tongue shows where it makes the sound, the teeth where they do', () => {
  for (const name of ['TH', 'DD', 'nn']) assert.ok(featuresOf(full(name)).tongue > 0.5);
  for (const name of ['FF', 'SS', 'CH']) assert.ok(featuresOf(full(name)).upper > 0.8);
  assert.ok(featuresOf(full('FF')).tuck > 0.9);
});

test('everything at once still is a mouth', () => {
  for (const smile of [-1, 0, 1]) {
    for (const level of [0, 0.3, 0.6, 1]) {
      const numbers = numbersOf(mouthOf(Object.fromEntries(VISEMES.map((name) => [name, level])), smile));
      assert.ok(numbers.every((value) => Number.isFinite(value) && Math.abs(value) < 120));
    }
  }
});

test('a name keeps its look, whatever the name', () => {
  for (const avatar of ['mia', 'leo', 'ava', 'zoë', '', '__proto__', 'constructor', '😀', 'x'.repeat(10000)]) {
    assert.match(lookOf(avatar).skin, /^#[0-9a-f]{6}$/);
    assert.equal(lookOf(avatar), lookOf(avatar));
  }
  assert.notEqual(lookOf('mia'), lookOf('leo'));
});
