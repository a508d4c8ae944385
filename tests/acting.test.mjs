// Acts: every one can be done in 3-D and drawn, also without moving; what is due comes in its order.
import assert from 'node:assert/strict';
import test from 'node:test';

import { ActMixer } from '../avatar_assets/web/acting/act-mixer.mjs';
import { AUTOMATIC, DIRECTIONS, cuesOf, templateOf } from '../avatar_assets/web/acting/acts.mjs';
import MOODS from '../avatar_assets/web/acting/moods.json' with { type: 'json' };

const GESTURES = ['handup', 'index', 'ok', 'thumbup', 'thumbdown', 'side', 'shrug', 'namaste'];

for (const [name, act] of Object.entries({ ...DIRECTIONS, ...AUTOMATIC })) {
  test(`${name} is a whole act`, () => {
    const { mood, gesture, drawn } = act;
    assert.ok(drawn.ms > 0);
    assert.ok(!mood || Object.hasOwn(MOODS, mood));
    assert.ok(!gesture || GESTURES.includes(gesture));
    for (const still of [false, true]) {
      const { dt, vs } = templateOf(act, still);
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

test('directions, blinks at pauses and brows at questions are due in their order [stage.alive]', () => {
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

const peaks = (name, options) => {
  const mixer = new ActMixer({ liveliness: 1, fading: true, ...options });
  const most = {};
  mixer.begin(name, 1000);
  for (let time = 1000; time <= 1000 + DIRECTIONS[name].drawn.ms; time += 5)
    for (const [part, value] of Object.entries(mixer.at(time))) most[part] = Math.max(most[part] ?? 0, Math.abs(value));
  return most;
};

test('an act is as large as the person is lively, comes and goes; lids close all the way for everybody [persona.liveliness]', () => {
  for (const liveliness of [0, 0.5, 2]) {
    assert.ok(Math.abs(peaks('nod', { liveliness }).nod - liveliness * peaks('nod').nod) < 1e-9);
    assert.ok(Math.abs(peaks('sad', { liveliness }).smile - liveliness * 0.9) < 1e-3);
    assert.ok(peaks('wink', { liveliness }).lids > 0.99);
  }
  const mixer = new ActMixer({ liveliness: 1, fading: true });
  mixer.begin('laugh', 0);
  assert.equal(mixer.at(DIRECTIONS.laugh.drawn.ms).smile, 0);
});

test('a renderer that glides is given the whole act at once, two acts add up', () => {
  const mixer = new ActMixer({ liveliness: 1, fading: false });
  mixer.begin('smile', 0);
  mixer.begin('love', 0);
  assert.equal(mixer.at(1).smile, 0.9);
});

test('eyes blink every few seconds, and are open again', () => {
  const mixer = new ActMixer({ liveliness: 1, fading: true });
  let [blinks, closed] = [0, false];
  for (let time = 0; time < 60_000; time += 10) {
    const shut = mixer.blink(time) > 0.9;
    if (shut && !closed) blinks++;
    closed = shut;
  }
  assert.ok(blinks >= 60 / 5.6 - 1 && blinks <= 60 / 1.9, `${blinks} in a minute`);
});
