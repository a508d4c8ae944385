// Engine panel: honest about what is basic, what is coming and what was set aside, and a choice of what becomes of a download.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { EnginePanel, keptStateOf, lineOf, remedyOf, stateOf } from '../avatar_assets/web/panels/engine-panel.mjs';
import { FakeElement, fakeDocument } from './fake-dom.mjs';

const engine = (stage, more = {}) => ({
  stage,
  title: `Engine of ${stage}`,
  summary: 'It works.',
  embedded: false,
  state: 'ready',
  detail: '',
  awaited: [],
  downloads: [],
  retryInS: null,
  ...more,
});
const basic = (stage, more) => engine(stage, { embedded: true, ...more });

test('basic engines are called basic, each by what it does [page.status]', () => {
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
  const coming = { title: 'Kokoro', state: 'downloading', detail: '', done: 120_400_000, total: 280_000_000, source: '', leftS: null };
  assert.match(lineOf([basic('tts', { awaited: [coming] })]).line, /· Kokoro 43 %$/);
  assert.equal(stateOf(coming), 'downloading 43 %, 120 MB of 280 MB');
  const told = stateOf({ ...coming, source: 'huggingface.co', leftS: 21 });
  assert.equal(told, 'downloading 43 %, 120 MB of 280 MB from huggingface.co, 21 s left');
  assert.match(stateOf({ ...coming, leftS: 600 }), /, 10 min left$/);
  assert.equal(stateOf({ ...coming, done: 1.25e9, total: 13e9 }), 'downloading 9 %, 1.3 GB of 13.0 GB');
  assert.equal(stateOf({ ...coming, done: 0, total: 0 }), 'asking the hub for its files');
  assert.equal(stateOf({ ...coming, done: 279_999_999 }), 'downloading 99 %, 280 MB of 280 MB');
});

test('what was set aside is told in the head too', () => {
  const awaited = [{ title: 'Kokoro', state: 'failed', detail: 'No memory.' }];
  assert.match(lineOf([basic('tts', { awaited })]).line, /· Kokoro was set aside$/);
});

test('every state is a phrase with its reason, and has its remedy [page.status]', () => {
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
    const kokoro = { title: 'Kokoro', state, detail: 'why', retryInS: null, done: 0, total: 0 };
    assert.equal(stateOf(kokoro), expected);
    assert.equal(remedyOf(kokoro), remedy);
  }
});

test('of an engine that was set aside it is said why, and when it is tried again; anybody may have that done now', () => {
  const aside = { title: 'Kokoro', state: 'failed', detail: 'No memory.', retryInS: 43 };
  assert.equal(stateOf(aside), 'was set aside: No memory. It is tried again in 43 s.');
  assert.equal(stateOf({ ...aside, retryInS: 0 }), 'was set aside: No memory. It is being tried again.');
  assert.equal(stateOf({ ...aside, retryInS: null }), 'was set aside: No memory.');
  assert.deepEqual([true, false].map((choosable) => remedyOf(aside, choosable)), ['retry', 'retry']);
  assert.deepEqual([true, false].map((choosable) => remedyOf({ ...aside, retryInS: null }, choosable)), ['retry', null]);
  assert.equal(remedyOf({ ...aside, state: 'downloading', retryInS: null }, false), null);
});

test('a download that was kept says so, or why it failed', () => {
  const kept = { title: 'Kokoro', state: 'downloading', detail: '', done: 120e6, total: 280e6, source: '', leftS: null };
  assert.equal(keptStateOf(kept), 'downloading 42 %, 120 MB of 280 MB, kept for later');
  assert.equal(keptStateOf({ ...kept, state: 'failed', detail: 'No network.' }), 'could not be downloaded: No network.');
  assert.match(lineOf([basic('tts', { downloads: [kept] })]).line, /· Kokoro 42 %$/);
});

// ---- in the page

let details, orders, panel;
beforeEach(() => {
  globalThis.document = fakeDocument();
  globalThis.window = new EventTarget();
  FakeElement.prototype.focus = () => {};
  details = new FakeElement('details');
  details.append(...['engines-line', 'engines-panel'].map((name) => Object.assign(new FakeElement('div'), { className: name })));
  orders = [];
  panel = new EnginePanel(details, async (order) => (orders.push(order), ''));
});

const options = ['large', 'small'].map((name) => ({ name, title: name, state: 'idle', detail: '', models: [], takesModel: false }));
const DOWNLOAD = { model: '', state: 'downloading', detail: '', retryInS: null, done: 50, total: 100, source: '', leftS: null };
const coming = (selection, more = {}) => ({ title: selection, selection, ...DOWNLOAD, ...more });
const show = (more, choosable = true) => panel.show({ engines: [basic('tts', { options, requested: '', ...more })], choosable });
const use = (name) => {
  details.querySelector('select').value = name;
  details.querySelector('form').dispatchEvent(new Event('submit', { cancelable: true }));
};
const pressed = (label) => details.querySelectorAll('button').find(({ textContent }) => textContent === label).click();
const question = () => details.querySelector('.engines-question').textContent;

test('choosing another engine during a download asks what becomes of it [engine.download-choice]', () => {
  for (const [label, keep] of [['Stop it', false], ['Keep it for later', true]]) {
    show({ awaited: [coming('large')] });
    use('small');
    assert.match(question(), /^large is still being downloaded\./);
    assert.deepEqual(orders, []);
    pressed(label);
    assert.deepEqual(orders.splice(0), [{ stage: 'tts', choose: 'small', keep }]);
    assert.equal(question(), '');
  }
});

test('where nothing else is downloaded, nothing is asked; where the download ends meanwhile, the question goes', () => {
  show({ awaited: [coming('large')] });
  use('large');
  assert.deepEqual(orders.splice(0), [{ stage: 'tts', choose: 'large', keep: false }]);
  use('small');
  show({ awaited: [] });
  assert.equal(question(), '');
  use('small');
  assert.deepEqual(orders, [{ stage: 'tts', choose: 'small', keep: false }]);
});

test('every download has its own progress and its own Cancel, and its button stays the same while it goes on', () => {
  show({ awaited: [coming('small')], downloads: [coming('large', { done: 20 })] });
  const shares = () => details.querySelectorAll('.bar').map(({ attributes }) => attributes['aria-valuenow']);
  const [, cancel] = details.querySelectorAll('.remedy');
  assert.deepEqual(shares(), ['50', '20']);
  show({ awaited: [coming('small', { done: 60 })], downloads: [coming('large', { done: 30 })] });
  assert.deepEqual(shares(), ['60', '30']);
  assert.equal(details.querySelectorAll('.remedy')[1], cancel);
  cancel.click();
  assert.deepEqual(orders, [{ stage: 'tts', stop: 'large' }]);
});

test('who may not choose can still have an engine tried again, and nothing else', () => {
  show({ awaited: [coming('large', { state: 'failed', detail: 'No memory.', retryInS: 30 }), coming('small')] }, false);
  assert.deepEqual(details.querySelectorAll('button').map(({ textContent }) => textContent), ['Retry']);
  pressed('Retry');
  assert.deepEqual(orders, [{ stage: 'tts', retry: true }]);
});

const asking = (more) => coming('llama_cpp', { title: 'llama.cpp', state: 'asks', total: 2.7e9, ...more });

test('a large download is asked about once, with its size, by whoever may choose [engine.consent]', () => {
  show({ awaited: [asking()] });
  assert.equal(details.open, true, 'the question is seen');
  assert.match(details.querySelector('.engines-line').textContent, /· llama.cpp: fetch 2.7 GB\?$/);
  assert.equal(details.querySelectorAll('em').at(-1).textContent, 'is a download of 2.7 GB: fetch it now?');
  for (const [label, answer] of [['Yes', 'yes'], ['No', 'no'], ['Later', 'later']]) {
    pressed(label);
    assert.deepEqual(orders.splice(0), [{ stage: 'tts', answer, engine: 'llama_cpp' }]);
  }
  details.open = false;
  show({ awaited: [asking({ detail: 'again' })] });
  assert.equal(details.open, false, 'and not put before the user again');
});

test('who may not choose engines is not asked', () => {
  show({ awaited: [asking()] }, false);
  assert.notEqual(details.open, true);
  assert.deepEqual(details.querySelectorAll('button'), []);
  assert.doesNotMatch(details.querySelector('.engines-line').textContent, /fetch/);
  assert.equal(details.querySelectorAll('em').at(-1).textContent, 'is a download of 2.7 GB: whoever started the app is asked');
});
