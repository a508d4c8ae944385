// Frame sender: frames in their order and once, whatever the network does; sound at another rate; what is loud, and when.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

globalThis.window ??= new EventTarget();
const { FRAME, FrameSender, MOST_IN_MESSAGE, MOST_WAITING } = await import('../avatar_assets/web/live/frame-sender.mjs');
const { LevelDetector } = await import('../avatar_assets/web/live/level-detector.mjs');
const { Resampler } = await import('../avatar_assets/web/capture/resampler.mjs');
const { UNREACHABLE } = await import('../avatar_assets/web/page/server-link.mjs');

const RATE = 16_000;
const PIECE = 320;
const settled = () => new Promise(setImmediate);
let answers, events, sender, sent;

/** A network that answers when the test says so. */
beforeEach(() => {
  [answers, events, sent] = [[], [], []];
  const send = (message, data) => {
    sent.push({ ...message, data: data && Int16Array.from(data) });
    return new Promise((resolve) => answers.push(resolve));
  };
  sender = new FrameSender(send, {
    onLost: () => events.push('lost'),
    onAnew: () => events.push('anew'),
    onProblem: (problem) => events.push(problem),
  });
});

const answer = async (problem = '') => {
  answers.shift()(problem);
  await settled();
};
/** Frames of which each sample says in which it is. */
const hear = (from, count, audible = false) => {
  for (let number = from; number < from + count; number++)
    for (let at = 0; at < FRAME; at += PIECE) sender.push(new Float32Array(PIECE).fill(number / 1000), audible);
};
const numbers = ({ data }) => Array.from({ length: data.length / FRAME }, (_, index) => Math.round((data[index * FRAME] / 32767) * 1000));

test('a microphone is announced first; then one message at a time, with all that waits [live.frames]', async () => {
  sender.begin();
  hear(0, 2);
  assert.deepEqual(sent.map(({ type, on }) => [type, on]), [['listening', true]]);
  await answer();
  assert.deepEqual([sent[1].type, sent[1].first, numbers(sent[1])], ['heard', 0, [0, 1]]);
  hear(2, 3, true);
  assert.equal(sent.length, 2);
  await answer();
  assert.deepEqual([sent[2].first, numbers(sent[2]), sent[2].audible], [2, [2, 3, 4], [true, true, true]]);
  assert.deepEqual(new Set(sent.map(({ listening }) => listening)), new Set([sender.id]));
  await answer();
  assert.equal(sent.length, 3);
});

test('a frame during which the persona spoke for a moment counts as such', async () => {
  sender.begin();
  for (const audible of [false, true, false, false]) sender.push(new Float32Array(PIECE), audible);
  hear(1, 1);
  await answer();
  assert.deepEqual(sent[1].audible, [true, false]);
});

test('a network that stands still loses nothing for twelve seconds, then it is said once and begun anew [live.frames]', async () => {
  sender.begin();
  const first = sender.id;
  hear(0, MOST_WAITING);
  assert.deepEqual([events, sender.id], [['anew'], first]);
  await answer();
  assert.deepEqual(numbers(sent[1]), Array.from({ length: MOST_IN_MESSAGE }, (_, index) => index));
  await answer();
  assert.deepEqual(numbers(sent[2]), Array.from({ length: MOST_WAITING - MOST_IN_MESSAGE }, (_, index) => MOST_IN_MESSAGE + index));
  hear(MOST_WAITING, 2 * MOST_WAITING + 2);
  assert.deepEqual(events, ['anew', 'lost', 'anew', 'anew']);
  assert.notEqual(sender.id, first);
  await answer(UNREACHABLE); // the message before: nobody cares any more
  assert.deepEqual([sent[3].type, sent[3].on, sent[3].listening], ['listening', true, sender.id]);
});

test('who cannot be reached is tried again for as long as the microphone is open', async () => {
  sender.begin();
  for (let time = 0; time < 3; time++) await answer(UNREACHABLE);
  assert.deepEqual(sent.map(({ type }) => type), ['listening', 'listening', 'listening', 'listening']);
  assert.equal(new Set(sent.map(({ listening }) => listening)).size, 4);
  assert.ok(!events.includes(UNREACHABLE) && !events.includes('lost'), 'nothing was on its way');
  await answer();
  hear(0, 3);
  await answer(UNREACHABLE);
  assert.deepEqual(events.slice(-2), ['lost', 'anew']);
});

test('a refusal ends it', async () => {
  sender.begin();
  hear(0, 1);
  await answer();
  await answer('That is too much.');
  hear(1, 5);
  assert.deepEqual([events.at(-1), sender.id, sent.length], ['That is too much.', null, 2]);
});

test('a closed microphone is told of, and nothing of it is sent any more', async () => {
  sender.end();
  sender.begin();
  const { id } = sender;
  hear(0, 1);
  sender.end();
  hear(1, 3);
  await answer();
  assert.deepEqual(sent.map(({ type, on, listening }) => [type, on, listening]), [['listening', true, id], ['listening', false, id]]);
});

for (const from of [44_100, 48_000, 96_000, 8_000]) {
  test(`[talk.rates] sound at ${from} Hz becomes the same sound at ${RATE} Hz, cut as it may be`, () => {
    const hz = 440;
    const wave = Float32Array.from({ length: from }, (_, index) => 0.5 * Math.sin((2 * Math.PI * hz * index) / from));
    const resampler = new Resampler(from, RATE);
    const out = [];
    for (let at = 0; at < wave.length; at += 777) out.push(...resampler.push(wave.subarray(at, at + 777)));
    assert.ok(Math.abs(out.length - RATE) < 40, `${out.length}`);
    const error = out.slice(200).map((sample, index) => Math.abs(sample - 0.5 * Math.sin((2 * Math.PI * hz * (index + 200)) / RATE)));
    assert.ok(Math.max(...error) < 0.01, `${Math.max(...error)}`);
  });
}

test('what a lower rate cannot hold is left out', () => {
  const tone = Float32Array.from({ length: 48_000 }, (_, index) => 0.5 * Math.sin((2 * Math.PI * 11_000 * index) / 48_000));
  const out = new Resampler(48_000, RATE).push(tone).slice(200);
  assert.ok(Math.max(...out) < 0.01, `${Math.max(...out)}`);
});

const level = (db) => 10 ** (db / 20);

test('a voice above the noise is found within 40 ms, a click is none, steady noise neither [live.duck]', () => {
  const detector = new LevelDetector();
  const found = (db, count) => Array.from({ length: count }, () => detector.push(level(db), 20)).flatMap((begun, index) => (begun ? [index] : []));
  assert.deepEqual(found(-60, 100), []);
  assert.deepEqual(found(-30, 1), []);
  assert.deepEqual(found(-60, 20), []);
  assert.deepEqual(found(-30, 10), [1]);
  assert.equal(detector.silentMs, 0);
  assert.equal(detector.loudMs, 220);
  found(-60, 10);
  assert.equal(detector.silentMs, 200);
  assert.deepEqual(found(-38, 1500), [1]); // a fan that is switched on is one onset, then noise
  assert.deepEqual(found(-30, 5), []);
});

test('false alarms make it wary, for a while and not for ever', () => {
  const detector = new LevelDetector();
  const quiet = (ms) => Array.from({ length: ms / 20 }, () => detector.push(level(-60), 20));
  const begins = (db) => [1, 2, 3].some(() => detector.push(level(db), 20));
  quiet(1000);
  assert.ok(begins(-44));
  for (let time = 0; time < 9; time++) detector.beWary();
  quiet(500);
  assert.ok(!begins(-44));
  assert.ok(begins(-25), 'a voice is heard all the same');
  quiet(60_000);
  assert.ok(begins(-44));
  for (let time = 0; time < 9; time++) detector.beWary();
  detector.trust();
  quiet(500);
  assert.ok(begins(-44), 'it was a voice after all');
});

