// Turn tracker: what is sent, shown and ignored while turns begin, sound, end and are interrupted; on a virtual clock and plain objects.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { TurnTracker } from '../avatar_assets/web/chat/turn-tracker.mjs';

let now, log, problem, sent, stage, turns;
mock.method(performance, 'now', () => now);

/** An object every method of which writes down its name and, where it is given a turn, the turn's id. */
const note = (name, first, more) => log.push([name, first?.id ?? first, more].filter((one) => one !== undefined).join(' '));
const noting = () => new Proxy({}, { get: (_, name) => (first, more) => note(name, first, more) });

beforeEach(() => {
  now = 1000;
  log = [];
  sent = [];
  problem = '';
  stage = { silence: () => log.push('silence'), post: () => {}, speak: () => {} };
  turns = new TurnTracker(stage, noting(), tell, {
    state: (state) => log.push(`state ${state}`),
    failed: (message) => log.push(`shown ${message}`),
  });
});

const tell = async ({ type, ...message }, data) => {
  sent.push([type, data ? { ...message, data } : message]);
  return problem;
};
const at = (ms) => performance.timeOrigin + ms;
const segment = (turn, index, ms) => turns.receive({ type: 'segment', turn, index, sampleRate: 16_000, pcm: new ArrayBuffer(ms * 32) });
const startsToSound = (turn, index, ms) => turns.hear({ type: 'started', turn, index, at: at(ms) });

/** A typed turn of which the first two segments of 400 ms were heard one after the other from 2000 ms on. */
function spoken(text = 'Hello.') {
  turns.send({ text });
  const { turn } = sent.at(-1)[1];
  segment(turn, 0, 400);
  segment(turn, 1, 400);
  segment(turn, 2, 400);
  startsToSound(turn, 0, 2000);
  startsToSound(turn, 1, 2400);
  return turn;
}

test('an utterance goes out at once and says how far the turn was heard that it interrupts [talk.not-waiting] [talk.one-cancellation]', () => {
  const first = spoken();
  now = 2650;
  log = [];
  turns.send({ text: 'Wait!' }); // nothing has been awaited
  assert.equal(log.filter((line) => line === 'silence').length, 1);
  assert.deepEqual(sent.slice(1).map(([event]) => event), ['utterance']);
  assert.deepEqual(sent[1][1].heard, { turn: first, index: 1, ms: 250 });
  assert.equal(sent[1][1].text, 'Wait!');
  assert.notEqual(sent[1][1].turn, first);
  assert.equal(sent[0][1].heard, null);
});

test('what is not running is not stopped, and what is, is stopped once', () => {
  turns.interrupt();
  assert.deepEqual(sent, []);
  spoken();
  turns.interrupt();
  turns.interrupt();
  assert.deepEqual(sent.map(([event]) => event), ['utterance', 'stopped']);
});

test('a position never lies outside its segment', () => {
  for (const [moment, ms] of [[2390, 0], [2400, 0], [2799, 399], [9000, 400]]) {
    const turn = spoken();
    now = moment;
    turns.interrupt();
    assert.deepEqual(sent.at(-1), ['stopped', { turn, index: 1, ms }]);
  }
});

test('before the first sound the position is before the first segment', () => {
  turns.send({ text: 'Hello.' });
  segment(sent[0][1].turn, 0, 400);
  turns.interrupt();
  assert.deepEqual(sent[1], ['stopped', { turn: sent[0][1].turn, index: -1, ms: 0 }]);
});

test('where the sound stood still, the word of the stage corrects the position; else nothing more is sent', () => {
  const turn = spoken();
  now = 2700;
  turns.interrupt();
  turns.hear({ type: 'heard', turn, index: 1, ms: 280 });
  turns.hear({ type: 'heard', turn: null, index: -1, ms: 0 });
  turns.hear({ type: 'heard', turn: 'again-1', index: 0, ms: 5 });
  assert.equal(sent.length, 2);
  turns.hear({ type: 'heard', turn, index: 1, ms: 100 });
  assert.deepEqual(sent[2], ['stopped', { turn, index: 1, ms: 100 }]);
});

test('a reply of which not a sound was heard although all of it is there was read, and stays whole', () => {
  turns.send({ text: 'Hello.' });
  const { turn } = sent[0][1];
  segment(turn, 0, 400);
  turns.receive({ type: 'completed', turn, seq: 9 });
  turns.interrupt();
  assert.equal(sent.length, 1);
  assert.equal(log.at(-2), `finished ${turn}`);
});

test('a recording and a file travel as the bytes that they are', () => {
  const pcm = new Int16Array(50_001);
  turns.send({ recording: { pcm, sampleRate: 16_000 } });
  assert.deepEqual([sent[0][1].data, sent[0][1].sampleRate, 'text' in JSON.parse(JSON.stringify(sent[0][1]))], [pcm, 16_000, false]);
  const file = new ArrayBuffer(7);
  turns.send({ file });
  assert.deepEqual([sent[1][1].data, sent[1][1].sampleRate], [file, undefined]);
});

test('what does not arrive is said, unless something else is asked meanwhile [page.uploads]', async () => {
  problem = 'The app does not answer.';
  turns.send({ text: 'Hello.' });
  turns.send({ text: 'Hello again.' });
  const { turn } = sent.at(-1)[1];
  await null;
  await null;
  assert.deepEqual(log.filter((line) => /^(shown|failed)/.test(line)), [`shown ${problem}`, `failed ${turn} ${problem}`]);
  assert.equal(turns.state, 'idle');
});

test('of several wishes in one moment only the last is sent', async () => {
  for (const id of ['sam', 'alex', 'maya']) turns.ask({ type: 'persona', id });
  await null;
  await null;
  assert.deepEqual(sent.map(([, { id }]) => id), ['maya']);
});

test('a turn of which something is missing ends with a sentence; one that is all here is heard to its end', () => {
  const turn = spoken();
  assert.equal(turns.fail('Gone.'), true);
  assert.ok(log.includes(`failed ${turn} Gone.`));
  assert.equal(turns.fail('Gone.'), false);
  assert.equal(turns.state, 'speaking');
});

test('events that come too late, or of no turn, change nothing', () => {
  turns.receive({ type: 'hum' });
  turns.receive({ type: 'delta', turn: 'unknown', seq: 0, text: 'Hm' });
  turns.send({ text: 'Hello.' });
  const { turn } = sent[0][1];
  turns.receive({ type: 'delta', turn, seq: 0, text: 'Hi' });
  turns.interrupt();
  turns.receive({ type: 'delta', turn, seq: 1, text: ' there' });
  turns.receive({ type: 'hum' }); // of no turn
  assert.deepEqual(log.filter((line) => line.startsWith('write')), [`write ${turn} Hi`]);
});

test('a reply that was heard to its end is offered, and a later silence stops nothing', () => {
  const turn = spoken();
  turns.receive({ type: 'completed', turn, seq: 9 });
  turns.hear({ type: 'finished', turn });
  assert.deepEqual(log.slice(-2), [`finished ${turn}`, 'state idle']);
  assert.equal(turns.state, 'idle');
  turns.interrupt();
  assert.equal(sent.length, 1);
});

test('times are counted from the hand-over to what is heard', () => {
  let receipt = null;
  const conversation = new Proxy({}, { get: (_, name) => (name === 'receipt' ? ({ times }) => (receipt = times) : () => {}) });
  const on = { state() {}, failed() {} };
  turns = new TurnTracker(stage, conversation, tell, on);
  turns.send({ text: 'Hello.' });
  const { turn } = sent[0][1];
  now = 1040;
  turns.receive({ type: 'transcript', turn, seq: 0, text: 'Hello.' });
  now = 1070;
  turns.receive({ type: 'delta', turn, seq: 1, text: 'Hi.' });
  segment(turn, 0, 400);
  startsToSound(turn, 0, 1100);
  assert.deepEqual(Object.values(receipt).map(Math.round), [40, 70, 100]);
});

test('a turn that Python begins is taken up, and tells how far the one before was heard [live.hands-free] [talk.heard]', () => {
  const first = spoken();
  now = 2650;
  turns.adopt('t-2', 'And what about Tuesday?');
  assert.deepEqual(sent.at(-1), ['stopped', { turn: first, index: 1, ms: 250 }]);
  assert.ok(log.includes('ask t-2 And what about Tuesday?'));
  assert.equal(turns.state, 'thinking');
  segment('t-2', 0, 400);
  startsToSound('t-2', 0, 3000);
  assert.equal(turns.state, 'speaking');
});

test('a sound that has not begun waits while somebody speaks, and comes whole or not at all [live.barge-in]', () => {
  for (const released of [true, false]) {
    const played = [];
    stage.speak = ({ index }) => played.push(index);
    stage.post = ({ type }) => played.push(type);
    turns.hold(); // nothing runs
    turns.send({ text: 'Hello.' });
    const { turn } = sent.at(-1)[1];
    turns.hold();
    turns.hold();
    segment(turn, 0, 400);
    segment(turn, 1, 400);
    turns.receive({ type: 'completed', turn });
    assert.deepEqual(played, []);
    if (released) turns.release();
    else turns.interrupt();
    assert.deepEqual(played, released ? [0, 1, 'end'] : []);
    if (released) turns.hear({ type: 'finished', turn });
    turns.release();
    assert.equal(turns.state, 'idle');
  }
});

test('a sound that has begun goes on under the user’s voice', () => {
  const turn = spoken();
  const played = [];
  stage.speak = ({ index }) => played.push(index);
  turns.hold();
  segment(turn, 3, 400);
  assert.deepEqual(played, [3]);
});

test('words that are heard are marked, of a replay too, which ends like a turn and is silenced without a word to Python', () => {
  const turn = spoken();
  turns.hear({ type: 'word', turn, index: 1, word: 2 });
  turns.hear({ type: 'word', turn: 'another', index: 1, word: 2 });
  turns.receive({ type: 'remembered', turn: 'older', text: 'One' });
  assert.deepEqual(log.filter((line) => /^(hear|remembered)/.test(line)), [`hear ${turn} 1`, 'remembered older One']);
  turns.receive({ type: 'completed', turn });
  turns.hear({ type: 'finished', turn });
  const finished = { id: turn, segments: [] };
  let called = null;
  stage.play = (_, id) => (called = id);
  for (const end of [() => turns.hear({ type: 'finished', turn: called }), () => turns.interrupt()]) {
    log = [];
    turns.replay(finished);
    assert.equal(turns.state, 'speaking');
    turns.hear({ type: 'word', turn: called, index: 0, word: 0 });
    end();
    assert.deepEqual([turns.state, log.includes(`hear ${turn} 0`), log.includes(`finished ${turn}`)], ['idle', true, true]);
  }
  assert.equal(sent.length, 1);
});
