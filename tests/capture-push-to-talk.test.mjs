// Push to talk: every way to press, to let go and to be interrupted, on a button and a microphone made of plain objects.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { PushToTalk } from '../avatar_assets/web/capture/push-to-talk.mjs';

const RECORDING = { pcm: new Int16Array(16_000), sampleRate: 16_000 };
let button, events, microphone, now, talk;

mock.method(performance, 'now', () => now);

/** An event with what the rest of the code reads of it; `target` stands for the element that has the keyboard. */
function fire(where, type, { target, ...fields } = {}) {
  const event = Object.assign(new Event(type, { cancelable: true }), fields);
  if (target) Object.defineProperty(event, 'target', { value: target });
  where.dispatchEvent(event);
  return event;
}
const key = (type, fields) => fire(window, type, { code: 'Space', target: document, ...fields });
const settled = () => new Promise(setImmediate);
const pass = (ms) => (now += ms);
const mode = () => button.dataset.mode;

beforeEach(() => {
  now = 0;
  events = [];
  globalThis.window = new EventTarget();
  globalThis.document = new EventTarget();
  button = Object.assign(new EventTarget(), { dataset: {}, setPointerCapture: (id) => events.push(`captured ${id}`) });
  microphone = { open: async () => {}, start: () => events.push('recording'), stop: () => (events.push('stopped'), RECORDING) };
  talk = new PushToTalk(button, microphone, {
    onStart: () => events.push('started'),
    onTake: (recording, note) => events.push(recording === RECORDING && ['taken', note].filter(Boolean).join(': ')),
    onNothing: (why) => events.push(why),
  });
});

test('held and released, by pointer: captured, so that a release anywhere counts [talk.hold]', async () => {
  fire(button, 'pointerdown', { button: 0, pointerId: 7 });
  await settled();
  assert.equal(mode(), 'held');
  pass(900);
  fire(button, 'pointerup');
  assert.deepEqual(events, ['captured 7', 'recording', 'started', 'stopped', 'taken']);
  assert.equal(mode(), 'rest');
});

test('a tap begins and a second one sends [talk.tap]', async () => {
  for (const expected of ['tapped', 'rest']) {
    fire(button, 'pointerdown', { button: 0, pointerId: 1 });
    await settled();
    pass(100);
    fire(button, 'pointerup');
    assert.equal(mode(), expected);
    pass(2000);
  }
  assert.equal(events.at(-1), 'taken');
});

test('the Enter key and screen readers tap; the click that follows a pointer does nothing more [talk.tap]', async () => {
  fire(button, 'click', { detail: 1 });
  assert.equal(mode(), 'rest');
  fire(button, 'click', { detail: 0 });
  await settled();
  assert.equal(mode(), 'tapped');
  fire(button, 'click', { detail: 0 });
  assert.equal(events.at(-1), 'taken');
});

test('the space bar holds, repeats count once, and it belongs to whatever else takes keys [talk.hold]', async () => {
  const field = { closest: () => field };
  assert.equal(key('keydown', { target: field }).defaultPrevented, false);
  assert.equal(key('keydown', { ctrlKey: true }).defaultPrevented, false);
  assert.equal(mode(), 'rest');
  assert.equal(key('keydown').defaultPrevented, true);
  await settled();
  for (let index = 0; index < 5; index++) key('keydown', { repeat: true });
  pass(900);
  assert.equal(key('keyup').defaultPrevented, true);
  assert.deepEqual(events, ['recording', 'started', 'stopped', 'taken']);
});

test('after a click on a button the space bar still talks; where the keyboard led to it, it presses it; into a box it types', async () => {
  const [control, box] = ['button', 'textarea'].map((tag) => ({ closest: (selector) => (selector.split(', ').includes(tag) ? tag : null) }));
  const takes = (target) => {
    const { defaultPrevented } = key('keydown', { target });
    key('keyup', { target });
    return defaultPrevented;
  };
  fire(window, 'pointerdown');
  assert.equal(takes(control), true);
  await settled();
  talk.cancel();
  assert.equal(takes(box), false);
  for (const code of ['Tab', 'ArrowDown']) {
    fire(window, 'pointerdown');
    fire(window, 'keydown', { code, target: control });
    assert.equal(takes(control), false);
  }
});

test('a key that was pressed elsewhere is not taken from there', async () => {
  fire(button, 'click', { detail: 0 });
  await settled();
  const elsewhere = { closest: () => elsewhere };
  key('keydown', { target: elsewhere });
  assert.equal(key('keyup', { target: elsewhere }).defaultPrevented, false);
  assert.equal(mode(), 'tapped');
});

test('the keyboard or the tab going away releases what is held', async () => {
  key('keydown');
  await settled();
  pass(900);
  fire(window, 'blur');
  assert.equal(events.at(-1), 'taken');
  fire(button, 'pointerdown', { button: 0, pointerId: 1 });
  await settled();
  pass(900);
  fire(window, 'blur'); // the pointer is still down
  assert.equal(mode(), 'held');
  document.hidden = true;
  fire(document, 'visibilitychange');
  assert.equal(mode(), 'rest');
});

test('a permission dialog that took the press away leaves a recording to be sent by a tap', async () => {
  let grant;
  microphone.open = () => new Promise((resolve) => (grant = resolve));
  fire(button, 'pointerdown', { button: 0, pointerId: 1 });
  fire(button, 'pointercancel');
  assert.deepEqual(events, ['captured 1']);
  grant();
  await settled();
  assert.equal(mode(), 'tapped');
});

test('a microphone that cannot be opened leaves the button as it was', async () => {
  microphone.open = () => Promise.reject(new Error('no microphone'));
  fire(button, 'pointerdown', { button: 0, pointerId: 1 });
  await settled();
  assert.equal(mode(), 'rest');
  assert.deepEqual(events, ['captured 1']);
});

test('a cancelled recording is forgotten, also while the microphone is still being opened', async () => {
  fire(button, 'pointerdown', { button: 0, pointerId: 1 });
  talk.cancel();
  await settled();
  assert.deepEqual(events, ['captured 1']);
  key('keydown');
  await settled();
  talk.cancel();
  pass(900);
  key('keyup');
  assert.deepEqual(events.slice(1), ['recording', 'started', 'stopped']);
  assert.equal(mode(), 'rest');
});

test('next to nothing is not handed over', async () => {
  microphone.stop = () => ({ pcm: new Int16Array(100), sampleRate: 16_000 });
  key('keydown');
  await settled();
  pass(400);
  key('keyup');
  assert.match(events.at(-1), /^That was too short/);
});

test('a recording that ends by itself is handed over with the reason, and the button is at rest', async () => {
  for (const down of [() => fire(button, 'click', { detail: 0 }), () => fire(button, 'pointerdown', { button: 0, pointerId: 1 })]) {
    down();
    await settled();
    pass(900);
    talk.end({ sent: 'It was sent.', lost: 'It was lost.' });
    assert.deepEqual([events.at(-1), mode()], ['taken: It was sent.', 'rest']);
    fire(button, 'pointerup'); // the finger comes up later
    assert.deepEqual([events.at(-1), mode()], ['taken: It was sent.', 'rest']);
  }
  microphone.stop = () => ({ pcm: new Int16Array(100), sampleRate: 16_000 });
  fire(button, 'click', { detail: 0 });
  await settled();
  talk.end({ sent: 'It was sent.', lost: 'It was lost.' });
  assert.equal(events.at(-1), 'It was lost.');
  const before = events.length;
  talk.end({ sent: 'It was sent.', lost: 'It was lost.' }); // nothing is being recorded
  assert.equal(events.length, before);
});
