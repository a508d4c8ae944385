// Five mouth shapes out of fifteen visemes: nothing at rest, each vowel its own, closures closed, never more than a whole mouth.

import assert from 'node:assert/strict';
import test from 'node:test';
import SPEC from '../avatar_assets/web/avatar_file/spec.json' with { type: 'json' };
import { VISEMES, restWeights } from '../avatar_assets/web/lipsync/viseme-curves.mjs';
import { fiveOf } from '../avatar_assets/web/lipsync/vrm-mouth.mjs';

const shown = (weights) => fiveOf({ ...restWeights(), ...weights });
const whole = (five) => Object.values(five).reduce((sum, weight) => sum + weight, 0);

test('every viseme has its recipe of five mouth shapes', () => {
  assert.deepEqual(Object.keys(SPEC.vowelsToViseme).sort(), [...VISEMES].sort());
});

test('a mouth at rest has no shape, and neither have closed lips', () => {
  for (const weights of [{}, { sil: 1 }, { PP: 0.9 }]) assert.equal(whole(shown(weights)), 0);
});

for (const [viseme, vowel] of Object.entries({ aa: 'aa', E: 'ee', I: 'ih', O: 'oh', U: 'ou' }))
  test(`${viseme} is seen as ${vowel}, and grows with its weight`, () => {
    const five = shown({ [viseme]: 0.6 });
    assert.ok(five[vowel] > 0.6);
    assert.equal(whole(five), five[vowel]);
    assert.ok(shown({ [viseme]: 0.3 })[vowel] < five[vowel]);
  });

test('every sound but the closed ones is seen, consonants less than vowels', () => {
  const least = Math.min(...['aa', 'E', 'I', 'O', 'U'].map((vowel) => whole(shown({ [vowel]: 0.6 }))));
  for (const viseme of VISEMES) {
    if (['sil', 'PP', 'aa', 'E', 'I', 'O', 'U'].includes(viseme)) continue;
    const seen = whole(shown({ [viseme]: 0.6 }));
    assert.ok(seen > 0.02 && seen < least, `${viseme} ${seen}`);
  }
});

test('shapes add up in the mesh, so all of them together are one mouth at most', () => {
  const five = shown(Object.fromEntries(VISEMES.map((viseme) => [viseme, 1])));
  assert.ok(Math.abs(whole(five) - 1) < 1e-9);
});
