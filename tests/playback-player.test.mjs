// The player's queue against an audio context that plays by hand: order, clock, stops, ends, and senders that err.

import assert from 'node:assert/strict';
import test, { mock } from 'node:test';
import { Player } from '../avatar_assets/web/playback/player.mjs';

const RATE = 48000;
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** A player whose worklet and device are moved by the test: `advance(seconds)` plays. */
function stage({ state = 'running' } = {}) {
  const events = [];
  const log =
    (name) =>
    (...details) =>
      events.push([name, ...details]);
  const context = Object.assign(new EventTarget(), {
    state,
    sampleRate: RATE,
    currentTime: 10,
    createGain: () => ({ connect: () => {}, gain: { value: 1, setTargetAtTime: (value) => (context.gain = value) } }),
    getOutputTimestamp: () => ({ contextTime: context.currentTime, performanceTime: performance.now() }),
    resume: async () => {},
    // As the browser's decoder does, this one takes a WAV and answers at the context's rate.
    decodeAudioData: async (wav) => {
      const header = new DataView(wav);
      assert.equal(new TextDecoder().decode(wav.slice(0, 4)), 'RIFF');
      const samples = Math.round(((header.getUint32(40, true) / 2) * RATE) / header.getUint32(24, true));
      return { getChannelData: () => new Float32Array(samples) };
    },
  });
  const queue = [];
  const port = {
    postMessage: (message) => (message.type === 'clear' ? (queue.length = 0) : queue.push({ ...message, left: message.samples.length })),
  };
  const player = new Player(
    context,
    { port, connect: (node) => node },
    {
      onStarted: (segment) => events.push(['started', segment.turn, segment.index]),
      onFinished: log('finished'),
      onBlocked: log('blocked'),
      onRunning: log('running'),
      onError: (error) => events.push(['error', error.message]),
    },
  );
  const advance = async (seconds) => {
    let left = Math.round(seconds * RATE);
    while (left > 0) {
      await settled();
      const head = queue[0];
      const report = (type) => port.onmessage({ data: { type, id: head.id, time: context.currentTime } });
      if (head && head.left === head.samples.length) report('began');
      const step = Math.min(left, head?.left ?? left);
      context.currentTime += step / RATE;
      left -= step;
      if (!head) continue;
      head.left -= step;
      if (head.left > 0) continue;
      queue.shift();
      report('ended');
    }
    await settled();
  };
  return { player, advance, events, queue, context, names: () => events.map((event) => event.join(' ')) };
}

const segment = (turn, index, seconds = 1, sampleRate = 24000) => ({
  turn,
  index,
  sampleRate,
  pcm: new ArrayBuffer(2 * Math.round(seconds * sampleRate)),
});

test('segments of different rates are played in order, and the turn ends when the last was heard', async () => {
  const { player, advance, names } = stage();
  player.play(segment('a', 0, 1, 22050));
  player.play(segment('a', 1, 1, 24000));
  await advance(1.5);
  player.end('a');
  assert.deepEqual(names(), ['started a 0', 'started a 1']);
  await advance(0.6);
  assert.deepEqual(names(), ['started a 0', 'started a 1', 'finished a']);
});

test('an end that comes after everything was heard, or with nothing to hear, is answered at once', async () => {
  const { player, advance, names } = stage();
  player.play(segment('a', 0, 0.2));
  await advance(1);
  player.end('a');
  player.end('b');
  await settled();
  assert.deepEqual(names(), ['started a 0', 'finished a', 'finished b']);
});

test('the mouth is asked for the sounding segment, the fading one and the coming one', async () => {
  const { player, advance } = stage();
  const seen = () => player.sounding().map(({ segment: { index }, ms }) => [index, Math.round(ms / 10) * 10]);
  player.play(segment('a', 0));
  player.play(segment('a', 1));
  assert.deepEqual(seen(), []);
  await advance(0.5);
  assert.deepEqual(seen(), [[0, 500]]);
  await advance(0.4);
  assert.deepEqual(seen(), [[0, 900], [1, -100]]);
  await advance(0.2);
  assert.deepEqual(seen(), [[0, 1100], [1, 100]]);
  await advance(1.5);
  assert.deepEqual(seen(), []);
});

test('while the next segment is late nothing moves, and its clock starts with its sound [lips.clock]', async () => {
  const { player, advance } = stage();
  player.play(segment('a', 0, 0.5));
  await advance(2);
  assert.deepEqual(player.sounding(), []);
  player.play(segment('a', 1, 0.5));
  await advance(0.25);
  assert.deepEqual(player.sounding().map(({ segment: { index }, ms }) => [index, Math.round(ms / 10)]), [[1, 25]]);
});

test('a stop answers how far the segment was heard; nothing of the turn comes after it [talk.stop]', async () => {
  const { player, advance, names, queue } = stage();
  for (let index = 0; index < 3; index++) player.play(segment('a', index));
  await advance(1.25);
  const answer = player.stop();
  assert.deepEqual({ ...answer, ms: Math.round(answer.ms / 10) * 10 }, { turn: 'a', index: 1, ms: 250 });
  player.play(segment('a', 3));
  player.end('a');
  await advance(3);
  assert.deepEqual(names(), ['started a 0', 'started a 1']);
  assert.equal(queue.length, 0);
  player.play(segment('b', 0));
  await advance(0.5);
  assert.equal(names().at(-1), 'started b 0');
});

test('a stop in a gap answers the whole segment before it, and -1 before anything was heard', async () => {
  const { player, advance } = stage();
  player.play(segment('a', 0, 0.5));
  await advance(3);
  assert.deepEqual(player.stop(), { turn: 'a', index: 0, ms: 500 });
  assert.deepEqual(player.stop(), { turn: null, index: -1, ms: 0 });
  player.play(segment('b', 0));
  assert.deepEqual(player.stop(), { turn: 'b', index: -1, ms: 0 });
});

test('a finished turn is no longer what a stop is about', async () => {
  const { player, advance } = stage();
  player.play(segment('a', 0, 0.2));
  player.end('a');
  await advance(1);
  assert.deepEqual(player.stop(), { turn: null, index: -1, ms: 0 });
});

test('only a few seconds lie ready in the worklet, the rest waits', async () => {
  const { player, advance, queue } = stage();
  for (let index = 0; index < 60; index++) player.play(segment('a', index));
  await settled();
  assert.ok(queue.length <= 4, `${queue.length} s are resampled already`);
  await advance(59.5);
  assert.equal(player.sounding().at(-1).segment.index, 59);
});

test('more than ten minutes of waiting speech are refused in plain words', () => {
  const { player } = stage();
  assert.throws(() => {
    for (let index = 0; index < 700; index++) player.play(segment('a', index));
  }, /More than 10 minutes of speech are waiting\. Segment 600 was left out/);
});

for (const [what, broken] of [
  ['an odd number of bytes', { sampleRate: 24000, pcm: new ArrayBuffer(3) }],
  ['no buffer', { sampleRate: 24000, pcm: [1, 2] }],
  ['no rate', { pcm: new ArrayBuffer(2) }],
  ['an absurd rate', { sampleRate: 1e9, pcm: new ArrayBuffer(2) }],
  ['a rate that is not a number', { sampleRate: NaN, pcm: new ArrayBuffer(2) }],
]) {
  test(`${what} is refused by name`, () =>
    assert.throws(() => stage().player.play({ turn: 'a', index: 7, ...broken }), /Segment 7 is not 16-bit mono sound/));
}

test('a segment that cannot be decoded is told and left out; the turn still ends', async () => {
  const { player, advance, context, names } = stage();
  const decode = context.decodeAudioData;
  context.decodeAudioData = async () => {
    throw new Error('no memory');
  };
  player.play(segment('a', 0));
  await settled();
  context.decodeAudioData = decode;
  player.play(segment('a', 1, 0.2));
  player.end('a');
  await advance(0.5);
  assert.deepEqual(names(), [
    'error The sound of segment 0 could not be played (no memory). It was left out.',
    'started a 1',
    'finished a',
  ]);
});

test('an empty segment holds nothing up', async () => {
  const { player, advance, names, queue } = stage();
  player.play(segment('a', 0, 0));
  await settled();
  assert.equal(queue[0].samples.length, 0);
  queue.length = 0;
  player.play(segment('a', 1, 0.1));
  await advance(0.3);
  assert.deepEqual(names(), ['started a 1']);
});

test('a browser that wants a gesture first is told of once there is something to play', async () => {
  const { player, names, context } = stage({ state: 'suspended' });
  const pass = async (ms) => {
    await new Promise(setImmediate);
    mock.timers.tick(ms);
  };
  mock.timers.enable({ apis: ['setTimeout'] });
  player.resume();
  await pass(450);
  assert.deepEqual(names(), []);
  player.play(segment('a', 0));
  await pass(450);
  assert.deepEqual(names(), ['blocked']);
  mock.timers.reset();
  context.state = 'running';
  context.dispatchEvent(new Event('statechange'));
  assert.equal(names().at(-1), 'running');
});

test('the voice gives way, and comes back [live.duck]', () => {
  const { player, context } = stage();
  player.lower('low');
  assert.ok(context.gain > 0 && context.gain <= 0.25);
  player.lower('full');
  assert.equal(context.gain, 1);
});

const WORDS = { words: ['one', 'two', 'three'], wtimes: [0, 300, 700], wdurations: [250, 300, 300] };
const rounded = (answer) => answer && { ...answer, ms: Math.round(answer.ms / 10) * 10 };

test('a voice that was silenced goes on at the word that was cut off; no other is heard twice and none is lost [live.resume]', async () => {
  for (const [cut, from] of [[0.45, 0.3], [0.1, 0], [0.65, 0.65], [0.9, 0.7]]) {
    const { player, advance, events, queue } = stage();
    player.play({ ...segment('a', 0), ...WORDS });
    player.play({ ...segment('a', 1), ...WORDS });
    player.end('a');
    await advance(cut);
    assert.deepEqual(rounded(player.lower('silent')), { turn: 'a', index: 0, ms: Math.round(cut * 100) * 10 });
    assert.equal(queue.length, 0);
    await advance(2);
    assert.deepEqual(player.sounding(), [], 'the mouth rests');
    assert.equal(player.lower('silent'), null);
    player.lower('full');
    await settled();
    assert.deepEqual(queue.map(({ samples }) => Math.round((samples.length / RATE) * 100)), [Math.round((1 - from) * 100), 100]);
    await advance(0.1);
    assert.deepEqual(player.sounding().map(({ ms }) => Math.round(ms / 10)), [Math.round((from + 0.1) * 100)]);
    await advance(2.2);
    assert.deepEqual(events.map((event) => event.join(' ')), ['started a 0', 'started a 0', 'started a 1', 'finished a']);
  }
});

test('a stop while the voice is silenced answers where it fell silent; the next turn is heard [live.resume]', async () => {
  const { player, advance, names, queue } = stage();
  player.play({ ...segment('a', 0), ...WORDS });
  await advance(0.45);
  player.lower('silent');
  player.play(segment('a', 1));
  await advance(1);
  assert.equal(queue.length, 0, 'what comes meanwhile waits');
  assert.deepEqual(rounded(player.stop()), { turn: 'a', index: 0, ms: 450 });
  player.lower('full');
  player.play(segment('b', 0));
  await advance(0.5);
  assert.equal(names().at(-1), 'started b 0');
});

test('a voice that is silenced before it began, or after its end, goes on as if nothing had been [live.resume]', async () => {
  const { player, advance, names } = stage();
  player.play(segment('a', 0, 0.3));
  assert.deepEqual(player.lower('silent'), { turn: 'a', index: -1, ms: 0 });
  await advance(1);
  assert.deepEqual(names(), []);
  player.lower('full');
  await advance(1);
  player.lower('silent');
  player.end('a');
  await settled();
  assert.deepEqual(names(), ['started a 0', 'finished a']);
});
