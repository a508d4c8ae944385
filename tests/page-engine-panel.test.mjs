// The words about engines: honest about what is basic, what is coming and what was set aside.
import assert from 'node:assert/strict';
import test from 'node:test';

import { lineOf, remedyOf, stateOf } from '../avatar_assets/web/page/engine-panel.mjs';

const engine = (stage, more = {}) => ({
  stage,
  title: `Engine of ${stage}`,
  summary: 'It works.',
  embedded: false,
  state: 'ready',
  detail: '',
  awaited: [],
  ...more,
});
const basic = (stage, more) => engine(stage, { embedded: true, ...more });

test('basic engines are called basic, each by what it does', () => {
  assert.deepEqual(lineOf([basic('stt'), basic('llm'), basic('tts')]), {
    quality: 'basic',
    line: 'Basic offline hearing, scripted answers, basic offline voice: what to expect',
  });
  assert.equal(lineOf([engine('stt'), basic('llm'), engine('tts')]).line, 'Scripted answers: what to expect');
});

test('better engines are named, and what is being loaded is told', () => {
  assert.deepEqual(lineOf([engine('stt'), engine('llm')]), { quality: 'full', line: 'Engine of stt · Engine of llm' });
  const awaited = [{ title: 'Kokoro', state: 'loading', detail: '' }];
  assert.match(lineOf([basic('tts', { awaited })]).line, /Kokoro is being loaded$/);
});

test('an engine that failed comes first', () => {
  const { quality, line } = lineOf([basic('stt'), engine('tts', { state: 'failed', detail: 'No memory.' })]);
  assert.deepEqual([quality, line], ['failed', 'Engine of tts does not work: No memory.']);
});

test('a download tells how far it is, in the head and in the panel', () => {
  const coming = { title: 'Kokoro', state: 'downloading', detail: '', done: 120_400_000, total: 280_000_000 };
  assert.match(lineOf([basic('tts', { awaited: [coming] })]).line, /· Kokoro 43 %$/);
  assert.equal(stateOf(coming), 'downloading 43 %, 120 MB of 280 MB');
  assert.equal(stateOf({ ...coming, done: 1.25e9, total: 13e9 }), 'downloading 9 %, 1.3 GB of 13.0 GB');
  assert.equal(stateOf({ ...coming, done: 0, total: 0 }), 'asking the hub for its files');
  assert.equal(stateOf({ ...coming, done: 279_999_999 }), 'downloading 99 %, 280 MB of 280 MB');
});

test('what was set aside is told in the head too', () => {
  const awaited = [{ title: 'Kokoro', state: 'failed', detail: 'No memory.' }];
  assert.match(lineOf([basic('tts', { awaited })]).line, /· Kokoro was set aside$/);
});

test('every state is a phrase with its reason, and has its remedy', () => {
  for (const [state, expected, remedy] of [
    ['ready', '', null],
    ['loading', 'is being loaded', null],
    ['failed', 'was set aside: why', 'retry'],
    ['stopped', 'why', 'retry'],
    ['needs', 'needs a package: why', null],
    ['unfit', 'why', null],
    ['idle', 'will be loaded', null],
    ['downloading', 'asking the hub for its files', 'stop'],
  ]) {
    const kokoro = { title: 'Kokoro', state, detail: 'why', done: 0, total: 0 };
    assert.equal(stateOf(kokoro), expected);
    assert.equal(remedyOf(kokoro), remedy);
  }
});
