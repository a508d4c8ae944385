// Acts: every one can be done in 3-D and drawn, also without moving; what is due comes in its order.
import assert from 'node:assert/strict';
import test from 'node:test';

import { ACTS, AUTOMATIC, cuesOf } from '../avatar_assets/web/acting/acts.mjs';

const MOODS = ['neutral', 'happy', 'angry', 'sad', 'fear', 'disgust', 'love', 'sleep'];
const GESTURES = ['handup', 'index', 'ok', 'thumbup', 'thumbdown', 'side', 'shrug', 'namaste'];

for (const [name, { mood, template, gesture, drawn }] of Object.entries({ ...ACTS, ...AUTOMATIC })) {
  test(`${name} is a whole act`, () => {
    assert.ok(drawn.ms > 0);
    assert.ok(!mood || MOODS.includes(mood));
    assert.ok(!gesture || GESTURES.includes(gesture));
    for (const still of [false, true]) {
      const { dt, vs } = template(still);
      for (const [target, values] of Object.entries(vs)) {
        assert.ok(values.length <= dt.length, `${target} has more values than times`);
        if (values.length > 1) assert.equal(values.at(-1), 0, `${target} does not come to rest`);
        assert.ok(!still || !/^(head|body)/.test(target), `${target} moves although it should be still`);
      }
    }
  });
}

const SEGMENT = {
  text: 'Really? Yes. You think so?',
  cues: ['nod', 'nonsense', 'smile'],
  ctimes: [900, 0, 100],
  visemes: ['sil', 'aa', 'sil', 'PP', 'sil', 'E', 'sil'],
  vtimes: [0, 300, 400, 500, 600, 900, 2000],
  vdurations: [300, 100, 100, 100, 300, 1100, 500],
};

test('directions, blinks at pauses and brows at questions are due in their order', () => {
  assert.deepEqual(cuesOf(SEGMENT), [
    { name: 'smile', ms: 100 },
    { name: 'blink', ms: 600 },
    { name: 'nod', ms: 900 },
    { name: 'ask', ms: 1700 },
  ]);
});

test('a statement raises no brow, and an empty segment does nothing', () => {
  assert.ok(!cuesOf({ ...SEGMENT, text: 'You think so.' }).some(({ name }) => name === 'ask'));
  assert.deepEqual(cuesOf({}), []);
  assert.deepEqual(cuesOf({ text: 'What?' }), []);
});
