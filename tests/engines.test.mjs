// The words about engines: honest about what is basic, what is coming and what was set aside.
import assert from 'node:assert/strict';
import test from 'node:test';

import { lineOf, notesOf } from '../avatar_assets/engines.mjs';

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

test('every state of an awaited engine is a phrase with its reason', () => {
  for (const [state, expected] of [
    ['loading', 'is being loaded'],
    ['failed', 'was set aside: why'],
    ['needs', 'needs a package: why'],
    ['unfit', 'why'],
    ['idle', 'will be loaded'],
  ]) {
    const notes = notesOf(basic('tts', { awaited: [{ title: 'Kokoro', state, detail: 'why' }] }));
    assert.deepEqual(notes[1], { name: 'Kokoro', text: '', state: expected });
    assert.equal(notes[0].state, '');
  }
});
