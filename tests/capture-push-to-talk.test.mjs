// Push to talk: every way to press, to let go and to be interrupted, told as presses and releases.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { PushToTalk } from '../avatar_assets/web/capture/push-to-talk.mjs';

const HELD = ['press', 'release'];
let button, now, talk, told;

mock.method(performance, 'now', () => now);

/** An event with what the rest of the code reads of it; `target` stands for the element that has the keyboard. */
function fire(where, type, { target, ...fields } = {}) {
  const event = Object.assign(new Event(type, { cancelable: true }), fields);
  if (target) Object.defineProperty(event, 'target', { value: target });
  where.dispatchEvent(event);
  return event;
}
const key = (type, fields) => fire(window, type, { code: 'Space', target: document, ...fields });
const pass = (ms) => (now += ms);

beforeEach(() => {
  [now, told] = [0, []];
  globalThis.window = new EventTarget();
  globalThis.document = new EventTarget();
  button = Object.assign(new EventTarget(), { dataset: {}, setPointerCapture: (id) => told.push(`captured ${id}`) });
  talk = new PushToTalk(button, ({ type, tap }) => told.push(tap ? 'tap' : type));
});

test('held and released, by pointer: captured, so that a release anywhere counts; quickly, it is a tap [talk.hold] [talk.tap]', () => {
  for (const [ms, end] of [[900, 'release'], [100, 'tap']]) {
    told = [];
    fire(button, 'pointerdown', { button: 0, pointerId: 7 });
    pass(ms);
    fire(button, 'pointerup');
    assert.deepEqual(told, ['captured 7', 'press', end]);
  }
  told = [];
  fire(button, 'pointerdown', { button: 2, pointerId: 7 });
  assert.deepEqual(told, []);
});

test('the Enter key and screen readers tap; the click that follows a pointer does nothing more [talk.tap]', () => {
  fire(button, 'click', { detail: 1 });
  assert.deepEqual(told, []);
  fire(button, 'click', { detail: 0 });
  assert.deepEqual(told, ['press', 'tap']);
});

test('the space bar holds, repeats count once, and it belongs to whatever else takes keys [talk.hold]', () => {
  const field = { closest: () => field };
  assert.equal(key('keydown', { target: field }).defaultPrevented, false);
  assert.equal(key('keydown', { ctrlKey: true }).defaultPrevented, false);
  assert.deepEqual(told, []);
  assert.equal(key('keydown').defaultPrevented, true);
  for (let index = 0; index < 5; index++) key('keydown', { repeat: true });
  pass(900);
  assert.equal(key('keyup').defaultPrevented, true);
  assert.deepEqual(told, HELD);
});

test('after a click on a button the space bar still talks; where the keyboard led to it, it presses it; into a box it types', () => {
  const [control, box] = ['button', 'textarea'].map((tag) => ({ closest: (selector) => (selector.split(', ').includes(tag) ? tag : null) }));
  const takes = (target) => {
    const { defaultPrevented } = key('keydown', { target });
    key('keyup', { target });
    return defaultPrevented;
  };
  fire(window, 'pointerdown');
  assert.equal(takes(control), true);
  assert.equal(takes(box), false);
  for (const code of ['Tab', 'ArrowDown']) {
    fire(window, 'pointerdown');
    fire(window, 'keydown', { code, target: control });
    assert.equal(takes(control), false);
  }
});

test('a key that was pressed elsewhere is not taken from there', () => {
  const elsewhere = { closest: () => elsewhere };
  key('keydown', { target: elsewhere });
  assert.equal(key('keyup', { target: elsewhere }).defaultPrevented, false);
  assert.deepEqual(told, []);
});

test('the keyboard going away releases the key, not the pointer', () => {
  key('keydown');
  pass(900);
  fire(window, 'blur');
  fire(window, 'keyup', { code: 'Space', target: document });
  assert.deepEqual(told, HELD);
  fire(button, 'pointerdown', { button: 0, pointerId: 1 });
  fire(window, 'blur');
  assert.equal(told.at(-1), 'press');
  fire(button, 'pointercancel');
  assert.equal(told.at(-1), 'tap');
});

test('it shows what it is told', () => {
  talk.show({ label: 'Release to send', mode: 'held' }, '0:03');
  assert.deepEqual([button.textContent, button.dataset], ['Release to send', { mode: 'held', elapsed: '0:03' }]);
});
