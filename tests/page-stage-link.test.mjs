// The line to the stage: early messages wait, a silence drops what waits to be said, answers go to whoever asked, in order.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { StageLink } from '../avatar_assets/web/page/stage-link.mjs';

let link, sent, stage;

beforeEach(() => {
  sent = [];
  stage = { postMessage: (message) => sent.push(message) };
  globalThis.location = { origin: 'http://here', search: '?face=2d' };
  globalThis.window = new EventTarget();
  globalThis.document = { body: { classList: { contains: () => false } }, createElement: () => ({ contentWindow: stage }) };
  link = new StageLink({ append() {} }, () => {});
});

const hear = (data, origin = 'http://here') => window.dispatchEvent(Object.assign(new Event('message'), { origin, source: stage, data }));
const segment = (index) => ({ type: 'segment', turn: 'a', index, sampleRate: 16_000, audio: btoa('abcd') });

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

test('a silence before the stage is ready leaves nothing to be said', async () => {
  link.post({ type: 'persona' });
  link.speak(segment(0));
  link.post({ type: 'end', turn: 'a' });
  assert.deepEqual(await link.silence(), { turn: null, index: -1, ms: 0 });
  hear({ type: 'ready' });
  assert.deepEqual(sent.map(({ type }) => type), ['persona']);
});

test('two silences are answered each with its own', async () => {
  hear({ type: 'ready' });
  const answers = [link.silence(), link.silence()];
  hear({ type: 'heard', turn: 'a', index: 2, ms: 30 });
  hear({ type: 'heard', turn: null, index: -1, ms: 0 });
  assert.deepEqual((await Promise.all(answers)).map(({ index }) => index), [2, -1]);
});

test('a stage that does not answer holds nobody up', async () => {
  hear({ type: 'ready' });
  assert.equal((await link.silence()).index, -1);
});

test('the sound stays here for a replay when it has gone to the stage', () => {
  hear({ type: 'ready' });
  const kept = link.speak(segment(0));
  link.play({ segments: [kept] }, 'again');
  assert.deepEqual(sent.map(({ type, turn }) => `${type} ${turn}`), ['segment a', 'segment again', 'end again']);
  assert.equal(kept.pcm.byteLength, 4);
});
