// Stage link: early messages wait, a silence drops what waits to be said.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { StageLink } from '../avatar_assets/web/page/stage-link.mjs';

let changed, classes, heard, link, sent, stage;

beforeEach(() => {
  sent = [];
  heard = [];
  stage = { postMessage: (message) => sent.push(message) };
  globalThis.location = { origin: 'http://here', search: '?face=2d' };
  globalThis.window = new EventTarget();
  classes = [];
  globalThis.MutationObserver = class {
    constructor(callback) {
      changed = callback;
    }
    observe() {}
  };
  globalThis.document = { body: { classList: { contains: (name) => classes.includes(name) } }, createElement: () => ({ contentWindow: stage }) };
  link = new StageLink({ append() {} }, (message) => heard.push(message));
});

const hear = (data, origin = 'http://here') => window.dispatchEvent(Object.assign(new Event('message'), { origin, source: stage, data }));
const segment = (index) => ({ type: 'segment', turn: 'a', index, sampleRate: 16_000, pcm: new ArrayBuffer(4) });

test('what is sent before the stage is ready arrives in order', () => {
  link.post({ type: 'persona' });
  link.speak(segment(0));
  link.post({ type: 'end', turn: 'a' });
  assert.deepEqual(sent, []);
  hear({ type: 'ready' }, 'http://elsewhere');
  assert.deepEqual(sent, []);
  hear({ type: 'ready' });
  assert.deepEqual(sent.map(({ type }) => type), ['persona', 'segment', 'end']);
});

test('a silence before the stage is ready leaves nothing to be said', () => {
  link.post({ type: 'persona' });
  link.speak(segment(0));
  link.post({ type: 'end', turn: 'a' });
  link.silence();
  hear({ type: 'ready' });
  assert.deepEqual(sent.map(({ type }) => type), ['persona']);
});

test('of states and people only the last waits, however long the stage takes', () => {
  for (let index = 0; index < 1000; index++) for (const type of ['state', 'people', 'resume']) link.post({ type, index });
  link.post({ type: 'persona' });
  link.post({ type: 'persona' });
  hear({ type: 'ready' });
  assert.deepEqual(sent, [...['state', 'people', 'resume'].map((type) => ({ type, index: 999 })), { type: 'persona' }, { type: 'persona' }]);
});

test('a page that becomes dark while it is open tells the stage, once', () => {
  hear({ type: 'ready' });
  for (classes of [['loaded'], ['dark'], ['dark', 'wide'], []]) changed();
  assert.deepEqual(sent, [{ type: 'theme', theme: 'dark' }, { type: 'theme', theme: 'light' }]);
});

test('a silence is asked for at once, and the answer passed on', () => {
  hear({ type: 'ready' });
  link.silence();
  assert.deepEqual(sent, [{ type: 'stop' }]);
  hear({ type: 'heard', turn: 'a', index: 2, ms: 30 });
  assert.equal(heard.at(-1).ms, 30);
});

test('the sound stays here for a replay when it has gone to the stage', () => {
  hear({ type: 'ready' });
  const kept = segment(0);
  link.speak(kept);
  link.play({ segments: [kept] }, 'again');
  assert.deepEqual(sent.map(({ type, turn }) => `${type} ${turn}`), ['segment a', 'segment again', 'end again']);
  assert.equal(kept.pcm.byteLength, 4);
});
