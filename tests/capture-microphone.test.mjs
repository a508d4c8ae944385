// Microphone: its memory, its level, its words for refusals, when it is given back, and its audio thread; no device needed.

import assert from 'node:assert/strict';
import test, { mock } from 'node:test';
import { device, piece, PIECE, RATE } from './fake-microphone.mjs';
import { SoundCheck } from '../avatar_assets/web/capture/sound-check.mjs';
import { Microphone, Tape, levelOf, pcmOf, refusalOf } from '../avatar_assets/web/capture/microphone.mjs';

const lengthOf = (pieces) => pieces.reduce((sum, part) => sum + part.length, 0);

test('300 ms from before the start are kept, no more than a piece above it [talk.pre-roll]', () => {
  const tape = new Tape(RATE);
  for (let index = 0; index < 100; index++) tape.add(piece(index));
  tape.start();
  tape.add(piece(100));
  const pieces = tape.stop();
  const before = lengthOf(pieces) - PIECE;
  assert.ok(before >= 0.3 * RATE && before < 0.3 * RATE + PIECE, `${before / 16} ms`);
  assert.equal(pieces.at(-1)[0], 100);
  assert.equal(pieces[0][0], 100 - before / PIECE);
});

for (const longestMs of [120_000, 1030]) {
  test(`a recording has room for ${longestMs} ms, pre-roll and all, and never for more`, () => {
    const tape = new Tape(RATE, longestMs);
    for (let index = 0; index < 10; index++) assert.equal(tape.add(piece(0)), true);
    tape.start();
    let room = true;
    for (let index = 0; index < 4000; index++) room = tape.add(piece(0.5));
    assert.equal(room, false);
    const ms = (1000 * lengthOf(tape.stop())) / RATE;
    assert.ok(ms <= longestMs && ms > longestMs - 50, `${ms} ms`);
  });
}

test('a second recording holds nothing of the first; a stop without a start nothing at all', () => {
  const tape = new Tape(RATE);
  tape.add(piece(1));
  assert.deepEqual(tape.stop(), []);
  tape.start();
  tape.add(piece(2));
  tape.stop();
  tape.start();
  tape.add(piece(3));
  assert.deepEqual(tape.stop().map((part) => part[0]), [3]);
});

test('the level follows the ear, from 0 to 1', () => {
  assert.equal(levelOf(0), 0);
  assert.equal(levelOf(1), 1);
  assert.ok(levelOf(0.001) < 0.01);
  assert.ok(levelOf(0.02) > 0.4 && levelOf(0.02) < 0.7);
  for (let rms = 0.001; rms < 0.5; rms *= 1.1) assert.ok(levelOf(rms * 1.1) >= levelOf(rms));
});

test('samples become 16-bit, clipped and in order', () => {
  assert.deepEqual([...pcmOf([Float32Array.of(0, 1, -1), Float32Array.of(2, -3, 0.5)])], [0, 32767, -32767, 32767, -32767, 16384]);
  assert.equal(pcmOf([]).length, 0);
});

for (const name of ['NotAllowedError', 'SecurityError', 'NotFoundError', 'NotReadableError', 'AbortError']) {
  test(`${name} is answered with what happened and what to do`, () => {
    const message = refusalOf({ name, message: 'x' });
    assert.match(message, /^(The|No) microphone .+\. .+(try again|under such an address)\.$/);
  });
}

test('what no browser has said so far is passed on', () => {
  assert.equal(refusalOf(new TypeError('odd')), 'The microphone could not be opened: odd');
  assert.equal(refusalOf('odd'), 'The microphone could not be opened: odd');
});

test('a page that is not secure is told so, and a microphone that is not open answers with silence [talk.microphone-errors]', async () => {
  const microphone = new Microphone();
  await assert.rejects(microphone.open(), /https:\/\/ or on localhost/);
  microphone.start();
  assert.deepEqual(microphone.stop(), { pcm: new Int16Array(0), sampleRate: RATE });
  microphone.close();
  assert.equal(microphone.isOpen, false);
});

test('it is given back 10 s after it was used, never while it records, and opened again by the next use [talk.microphone-closes]', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  const microphone = new Microphone();
  await microphone.open();
  mock.timers.tick(9_900);
  assert.equal(made.light(), true);
  microphone.start();
  mock.timers.tick(60_000);
  assert.equal(made.light(), true);
  made.hear(20);
  microphone.stop();
  mock.timers.tick(9_900);
  await microphone.open(); // within the 10 s: nothing is opened anew
  microphone.start();
  microphone.stop();
  mock.timers.tick(9_900);
  assert.deepEqual([made.light(), made.tracks.length], [true, 1]);
  mock.timers.tick(200);
  assert.deepEqual([made.light(), microphone.isOpen, made.contexts[0].state, made.sources[0].connected], [false, false, 'suspended', false]);
  made.hear(1); // it was on its way
  await microphone.open();
  microphone.start();
  made.hear(10);
  assert.equal(microphone.stop().pcm.length, 10 * PIECE);
  assert.deepEqual([made.light(), made.tracks.length, made.contexts.length, made.nodes[0].reset], [true, 2, 1, true]);
  mock.timers.reset();
});

test('kept open it stays, passes everything on, and says when it is taken away [talk.microphone-closes]', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  const [heard, gone, muted] = [[], [], []];
  const microphone = new Microphone({
    onSound: (samples, rms) => heard.push([samples.length, rms]),
    onGone: () => gone.push(microphone.stop().pcm.length),
    onMute: (on) => muted.push(on),
  });
  await microphone.open();
  microphone.keep(true);
  mock.timers.tick(600_000);
  microphone.start();
  made.hear(2, 0.5);
  microphone.stop();
  mock.timers.tick(60_000);
  assert.deepEqual([made.light(), heard], [true, [[PIECE, 0.5], [PIECE, 0.5]]]);
  made.tracks[0].onmute();
  made.tracks[0].onunmute();
  assert.deepEqual(muted, [false, true, false]);
  microphone.keep(false);
  mock.timers.tick(10_100);
  assert.equal(made.light(), false);
  await microphone.open();
  microphone.keep(true);
  microphone.start();
  made.hear(3);
  made.tracks.at(-1).onended();
  assert.deepEqual([gone, microphone.isOpen, made.light()], [[3 * PIECE], false, false]);
  mock.timers.reset();
});

test('opened and then not used after all, it is given back too', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const made = device();
  await new Microphone().open();
  mock.timers.tick(10_100);
  assert.equal(made.light(), false);
  mock.timers.reset();
});

test('what is heard while it is being opened is not lost', async () => {
  const made = device();
  const microphone = new Microphone();
  const { resume } = AudioContext.prototype;
  AudioContext.prototype.resume = async () => made.hear(4);
  await microphone.open();
  AudioContext.prototype.resume = resume;
  microphone.start();
  assert.equal(microphone.stop().pcm.length, 4 * PIECE);
  microphone.close();
});

test('a context that does not take another device is replaced', async () => {
  const made = device();
  const microphone = new Microphone();
  await microphone.open();
  microphone.close();
  made.contexts[0].createMediaStreamSource = () => {
    throw new Error('another rate');
  };
  await microphone.open();
  assert.deepEqual(made.contexts.map(({ state }) => state), ['closed', 'running']);
  microphone.close();
});

test('a recording ends where the app takes no longer one', async () => {
  const made = device();
  const ends = [];
  const microphone = new Microphone({ onFull: (ms) => ends.push(ms, microphone.stop().pcm.length) });
  microphone.longestMs = 2000;
  await microphone.open();
  microphone.start();
  made.hear(100);
  assert.deepEqual(ends, [2000, 2 * RATE]);
  microphone.close();
});

for (const rate of [44_100, 48_000, 96_000]) {
  test(`a device of ${rate} Hz that the browser joins to no other rate is recorded at 16 000 Hz all the same [talk.rates]`, async () => {
    const made = device({ only: rate });
    const microphone = new Microphone();
    await microphone.open();
    microphone.start();
    for (let time = 0; time < 50; time++) made.hear(1, 0.5, rate / 50);
    const { pcm, sampleRate } = microphone.stop();
    assert.equal(sampleRate, RATE);
    assert.ok(Math.abs(pcm.length - RATE) < 40, `${pcm.length}`);
    assert.ok(Math.abs(pcm[RATE / 2] - 16384) < 200);
    microphone.close();
  });
}

test('a microphone that is muted when it is opened says so; one without echo cancellation is known', async () => {
  const made = device({ muted: true, echoCancellation: false });
  const muted = [];
  const microphone = new Microphone({ onMute: (on) => muted.push(on) });
  assert.equal(microphone.cancelsEcho, undefined);
  await microphone.open();
  assert.deepEqual([muted, microphone.cancelsEcho], [[true], false]);
  made.tracks[0].onunmute();
  assert.deepEqual(muted, [true, false]);
  microphone.close();
});

test('nothing but zeros is said after a while, once, and so is a sound that is cut off; speech and silence are not [talk.microphone-errors]', () => {
  const told = (...peaks) => {
    const check = new SoundCheck();
    return peaks.flat().map((peak) => check.push(peak, 20)).filter(Boolean);
  };
  const some = (count, peak) => Array(count).fill(peak);
  assert.deepEqual(told(some(1000, 1e-4)), []);
  assert.deepEqual(told(some(1000, 0.9)), []);
  assert.deepEqual(told(some(5, 1), some(1000, 0.5)), []);
  const [dead, ...more] = told(some(70, 0), some(1, 1e-3), some(80, 0), some(500, 0));
  assert.match(dead, /^Nothing comes from the microphone.*muted/);
  assert.deepEqual(more, []);
  assert.equal(told(some(80, 0), some(300, 0.1), some(80, 0)).length, 2);
  const loud = told(some(400, 0.3), Array(60).fill([1, 0.8]).flat(), some(50, 1));
  assert.equal(loud.length, 1);
  assert.match(loud[0], /too loud/);
});

test('the audio thread passes everything on, 50 times a second, with its loudness, and without a constant offset [talk.rates]', async () => {
  let Processor = null;
  globalThis.sampleRate = RATE;
  globalThis.registerProcessor = (_name, processor) => (Processor = processor);
  globalThis.AudioWorkletProcessor = class {
    port = { posted: [], postMessage: (message) => this.port.posted.push(message) };
  };
  await import('../avatar_assets/web/capture/microphone-worklet.mjs');
  const processor = new Processor();
  processor.process([[new Float32Array(128).fill(9)]]);
  processor.port.onmessage({ data: { type: 'reset' } }); // what came before the microphone was opened anew
  const tone = (index) => 0.25 * Math.sin((2 * Math.PI * 300 * index) / RATE);
  for (let block = 0; block < 125; block++) {
    const samples = Float32Array.from({ length: 128 }, (_, index) => 0.5 + tone(block * 128 + index));
    assert.equal(processor.process([[samples]]), true);
  }
  assert.equal(processor.process([[]]), true, 'a device without a channel');
  const { posted } = processor.port;
  assert.equal(posted.length, 50);
  const sent = posted.flatMap(({ samples }) => [...samples]);
  const late = sent.map((sample, index) => Math.abs(sample - tone(index))).slice(RATE / 2);
  assert.ok(Math.max(...late) < 0.03, `${Math.max(...late)}`);
  assert.ok(Math.abs(posted[40].rms - 0.25 / Math.SQRT2) < 0.01, `${posted[40].rms}`);
  assert.ok(Math.abs(posted[40].peak - 0.75) < 0.01);
});
