// Turn tracker: what is sent, shown and ignored while turns begin, sound, end and are interrupted; on a virtual clock and plain objects.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { TurnTracker } from '../avatar_assets/web/page/turn-tracker.mjs';

let now, log, sent, stage, turns;
mock.method(performance, 'now', () => now);

/** An object every method of which writes down its name and, where it is given a turn, the turn's id. */
const note = (name, first, more) => log.push([name, first?.id ?? first, more].filter((one) => one !== undefined).join(' '));
const noting = () => new Proxy({}, { get: (_, name) => (first, more) => note(name, first, more) });

beforeEach(() => {
  now = 1000;
  log = [];
  sent = [];
  stage = { silence: () => log.push('silence'), post: () => {}, speak: ({ audio, ...segment }) => ({ ...segment, pcm: audio }) };
  turns = new TurnTracker(stage, noting(), (event, data) => sent.push([event, data]), {
    state: (state) => log.push(`state ${state}`),
    adopted: () => log.push('adopted'),
    failed: (message) => log.push(`shown ${message}`),
    over: () => log.push('over'),
  });
});

const at = (ms) => performance.timeOrigin + ms;
const segment = (turn, index, ms, seq = index) =>
  turns.receive({ type: 'segment', turn, seq, index, sampleRate: 16_000, audio: new ArrayBuffer(ms * 32) });
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

test('an utterance goes out at once, and the position before it belongs to the turn that it interrupts [talk.not-waiting]', () => {
  const first = spoken();
  now = 2650;
  log = [];
  turns.send({ text: 'Wait!' }); // nothing has been awaited
  assert.equal(log.filter((line) => line === 'silence').length, 1);
  assert.deepEqual(sent.slice(1).map(([event]) => event), ['stopped', 'utterance']);
  assert.deepEqual(sent[1][1], { turn: first, index: 1, ms: 250 });
  assert.equal(sent[2][1].text, 'Wait!');
  assert.notEqual(sent[2][1].turn, first);
  assert.equal(sent[2][1].heard.turn, first);
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
  assert.equal(log.at(-1), `finished ${turn}`);
});

test('a recording travels as base64 of its bytes, with and without the help of the browser', () => {
  const pcm = Int16Array.from({ length: 50_001 }, (_, index) => index * 7);
  turns.send({ recording: { pcm, sampleRate: 16_000 } });
  assert.equal(sent[0][1].pcm, Buffer.from(pcm.buffer).toString('base64'));
  assert.equal(sent[0][1].sampleRate, 16_000);
  const before = Uint8Array.prototype.toBase64;
  Uint8Array.prototype.toBase64 = () => 'its own';
  turns.send({ recording: { pcm, sampleRate: 16_000 } });
  assert.equal(sent.at(-1)[1].pcm, 'its own');
  if (before) Uint8Array.prototype.toBase64 = before;
  else delete Uint8Array.prototype.toBase64;
});

test('events that come twice or too late change nothing', () => {
  turns.send({ text: 'Hello.' });
  const { turn } = sent[0][1];
  turns.receive({ type: 'delta', turn, seq: 0, text: 'Hi' });
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
  assert.deepEqual(log.slice(-2), [`finished ${turn}`, 'over']);
  assert.equal(turns.running, false);
  turns.interrupt();
  assert.equal(sent.length, 1);
});

for (const id of ['', 'f00d']) {
  test(`every unreadable upload is answered, the second like the first (turn ${JSON.stringify(id)}) [page.uploads]`, () => {
    for (const turn of [id, id && `${id}2`, id && `${id}3`]) {
      log = [];
      turns.receive({ type: 'failed', turn, seq: 0, message: 'That is no sound.' });
      const seen = log.filter((line) => /^(shown|adopted|failed)/.test(line));
      assert.deepEqual(seen, ['adopted', 'shown That is no sound.', `failed ${turn} That is no sound.`]);
    }
  });
}

test('an upload interrupts whatever is being said', () => {
  const turn = spoken();
  now = 2500;
  turns.receive({ type: 'started', turn: 'upload', seq: 0, notices: [] });
  assert.deepEqual(sent.at(-1), ['stopped', { turn, index: 1, ms: 100 }]);
  assert.ok(log.includes('ask upload'));
});

test('times are counted from the hand-over to what is heard', () => {
  let receipt = null;
  const conversation = new Proxy({}, { get: (_, name) => (name === 'receipt' ? ({ times }) => (receipt = times) : () => {}) });
  const on = { state() {}, adopted() {}, failed() {}, over() {} };
  turns = new TurnTracker(stage, conversation, (event, data) => sent.push([event, data]), on);
  turns.send({ text: 'Hello.' });
  const { turn } = sent[0][1];
  now = 1040;
  turns.receive({ type: 'transcript', turn, seq: 0, text: 'Hello.' });
  now = 1070;
  turns.receive({ type: 'delta', turn, seq: 1, text: 'Hi.' });
  segment(turn, 0, 400, 2);
  startsToSound(turn, 0, 1100);
  assert.deepEqual(Object.values(receipt).map(Math.round), [40, 70, 100]);
});

test('however many turns there were, the early ones are let go, the late ones remembered', () => {
  for (let index = 0; index < 500; index++) turns.receive({ type: 'started', turn: `turn-${index}`, seq: 0, notices: [] });
  log = [];
  turns.receive({ type: 'delta', turn: 'turn-450', seq: 0, text: 'late' });
  assert.deepEqual(log, []);
  turns.receive({ type: 'delta', turn: 'turn-0', seq: 0, text: 'much too late' });
  assert.ok(log.includes('adopted'), 'a turn that nobody remembers is a new one');
});
