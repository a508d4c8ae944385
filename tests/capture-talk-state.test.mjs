// Talk state: in every state that can be reached, after every event, button, switch, microphone and status agree, and nothing said is lost.
import assert from 'node:assert/strict';
import test from 'node:test';

import { BEGINNING, TALK_EVENTS, isKept, isListening, isRecording, step, viewOf } from '../avatar_assets/web/capture/talk-state.mjs';

/** Every event, with everything that it can bring. */
const EVENTS = TALK_EVENTS.flatMap((type) => {
  if (type === 'release') return [{ type, tap: true }, { type, tap: false }];
  if (type === 'muted') return [{ type, on: true }, { type, on: false }];
  if (type === 'user') return ['silent', 'speaking', 'pausing'].map((doing) => ({ type, doing }));
  if (type === 'persona') return ['idle', 'thinking', 'speaking'].map((doing) => ({ type, doing }));
  return [{ type, sentence: 'Wrong.', words: 'Note.', ms: 120_000 }];
});
const nameOf = ({ type, ...more }) => `${type} ${more.doing ?? more.on ?? more.tap ?? ''}`.trim();

/** States that differ in what is wrong only in the sentence are one. */
const keyOf = (state) => JSON.stringify({ ...state, trouble: Boolean(state.trouble), hint: Boolean(state.hint) });

/** Every state that can be reached. */
function reached() {
  const found = new Map([[keyOf(BEGINNING), BEGINNING]]);
  for (const state of found.values()) {
    for (const event of EVENTS) {
      const next = step(state, event).state;
      if (!found.has(keyOf(next))) found.set(keyOf(next), next);
    }
  }
  return [...found.values()];
}
const STATES = reached();
const LABELS = { rest: /^Hold/, opening: /^Microphone/, released: /^Microphone/, held: /^Release to send/, tapped: /^Tap to send/ };

test('in every state the button, the switch, the status and the microphone say the same [talk.one-state]', () => {
  assert.ok(STATES.length > 1000, `${STATES.length}`);
  for (const state of STATES) {
    const view = viewOf(state);
    const why = JSON.stringify(state);
    assert.deepEqual(Object.keys(state).sort(), Object.keys(BEGINNING).sort(), why);
    assert.match(view.label, LABELS[state.button], why);
    assert.equal(/to send$/.test(view.label), isRecording(state), why);
    assert.equal(view.switched, state.hands !== 'off', why);
    assert.ok(!(isRecording(state) && isListening(state)), `${why}: the same words twice`);
    if (isRecording(state)) assert.equal(view.status, 'listening', why);
    if (view.status === 'listening') assert.ok(isRecording(state) || state.user !== 'silent', why);
    if (view.status === 'failed') assert.equal(view.words, state.trouble, why);
    if (state.trouble && !isRecording(state) && !state.loading) assert.equal(view.status, 'failed', why);
    if (/just speak/.test(view.words)) assert.ok(isKept(state), why);
    if (state.user !== 'silent') assert.ok(isListening(state) || state.finishing, `${why}: nobody hears that`);
    if (state.finishing) assert.notEqual(state.user, 'silent', why);
    if (state.hidden) assert.ok(!['on', 'opening'].includes(state.hands) && !['held', 'opening'].includes(state.button), `${why}: nobody sees that`);
    assert.ok(view.words && view.mineWords && !/undefined/.test(view.words + view.mineWords), why);
  }
});

test('after every event in every state what is to be done fits what is shown, and what was said is handed over [talk.one-state]', () => {
  for (const before of STATES) {
    for (const event of EVENTS) {
      const { state, order } = step(before, event);
      const why = `${nameOf(event)} in ${JSON.stringify(before)}`;
      const ends = isRecording(before) && !isRecording(state);
      assert.equal(order.take !== undefined || order.drop === true, ends, why);
      assert.equal(order.drop === true, ends && ['cancel', 'typed'].includes(event.type), why);
      assert.equal(order.recording === true, isRecording(state) && !isRecording(before), why);
      for (const part of ['button', 'hands']) {
        if (state[part] === 'opening' && before[part] !== 'opening') assert.equal(order.open, true, why);
      }
      if (order.open) assert.ok([state.button, state.hands].includes('opening'), why);
      if (event.type === 'gone') assert.ok(!isRecording(state) && !isListening(state), why);
      if (['gone', 'hidden', 'taken'].includes(event.type) && isListening(before) && !isListening(state))
        assert.equal(state.finishing, before.user !== 'silent', `${why}: what was begun`);
      if (event.type === 'cancel') assert.equal(state.button, 'rest', why);
      if (event.type === 'refused') assert.ok(!['opening', 'released'].includes(state.button) && state.hands !== 'opening', why);
      if (event.type === 'opened') assert.ok(!['opening', 'released'].includes(state.button) && state.hands !== 'opening', why);
    }
  }
});

test('from every state there is a way back to rest, and to listening', () => {
  const run = (state, ...events) => events.reduce((at, event) => step(at, event).state, state);
  for (const before of STATES) {
    const shown = run(before, { type: 'loaded' }, { type: 'shown' }, { type: 'opened' }, { type: 'persona', doing: 'idle' }, { type: 'cancel' });
    const off = shown.hands === 'off' ? shown : run(shown, { type: 'switch' });
    assert.deepEqual(viewOf(run(off, { type: 'user', doing: 'silent' })).words, 'Ready', JSON.stringify(before));
    const on = run(off, { type: 'switch' }, { type: 'opened' });
    assert.deepEqual([on.hands, isListening(on), viewOf(on).words], ['on', true, 'Ready: just speak'], JSON.stringify(before));
  }
});

const after = (...events) => events.reduce((state, event) => step(state, { ...event }).state, step(BEGINNING, { type: 'loaded' }).state);

test('somebody speaks over the persona: their own axis says so, the status says what the persona does [live.hands-free]', () => {
  const state = after({ type: 'switch' }, { type: 'opened' }, { type: 'persona', doing: 'speaking' }, { type: 'user', doing: 'speaking' });
  assert.deepEqual([viewOf(state).status, viewOf(state).mine], ['speaking', 'speaking']);
});

test('hidden, and shown again: it goes on by itself; refused then, it is off and says why', () => {
  const hidden = after({ type: 'switch' }, { type: 'opened' }, { type: 'hidden' });
  assert.deepEqual([hidden.hands, viewOf(hidden).mine], ['waiting', 'waiting']);
  assert.equal(step(hidden, { type: 'back' }).state.hands, 'waiting');
  const { state, order } = step(hidden, { type: 'shown' });
  assert.deepEqual([state.hands, order.open], ['opening', true]);
  const refused = step(state, { type: 'refused', sentence: 'No.' }).state;
  assert.deepEqual([refused.hands, viewOf(refused).words], ['off', 'No.']);
});

test('a device that went away and comes back is listened to again', () => {
  const gone = after({ type: 'switch' }, { type: 'opened' }, { type: 'gone' });
  assert.match(viewOf(gone).words, /unplugged.*as soon as/);
  const { state, order } = step(gone, { type: 'back' });
  assert.deepEqual([state.hands, order.open, state.trouble], ['opening', true, '']);
});

test('a muted microphone is said while it is recorded from, and while it listens', () => {
  const recording = after({ type: 'press' }, { type: 'opened' }, { type: 'muted', on: true });
  assert.match(viewOf(recording).words, /muted, or a call has it/);
  assert.match(viewOf(after({ type: 'switch' }, { type: 'opened' }, { type: 'muted', on: true })).mineWords, /muted, or a call has it/);
});
