// The echo canceller on genuine WebAssembly: a made-up room, its reference on another clock and in pieces that are late, somebody who speaks over it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';

import { EchoCanceller } from '../avatar_assets/web/live/echo-canceller.mjs';
import { Reference } from '../avatar_assets/web/live/reference.mjs';
import { Resampler } from '../avatar_assets/web/capture/resampler.mjs';

const RATE = 16_000; // of the microphone, in Hz
const PACKAGE = new URL('../avatar_assets/node_modules/@ennuicastr/webrtcaec3.js/dist/webrtcaec3-0.3.0.js', import.meta.url);
const skip = existsSync(PACKAGE) ? false : 'the npm modules are not installed';
const library = skip ? null : await createRequire(import.meta.url)(PACKAGE.pathname)();

/** Numbers that look like chance, the same ones every time. */
function chance(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1);
}

/** Syllables of a made-up voice: harmonics of a pitch that moves, with pauses in between. */
function voice(seconds, rate, pitch, seed) {
  const random = chance(seed);
  const samples = new Float32Array(seconds * rate);
  for (let at = 0; at < samples.length;) {
    const length = Math.round(rate * (0.12 + 0.1 * Math.abs(random())));
    const [tone, colour] = [pitch * (1 + 0.2 * random()), 2 + 6 * Math.abs(random())];
    for (let index = 0; index < length && at + index < samples.length; index++) {
      const swell = Math.sin((Math.PI * index) / length);
      for (let harmonic = 1; harmonic < 12; harmonic++)
        samples[at + index] += (0.05 * swell * Math.sin((2 * Math.PI * tone * harmonic * index) / rate)) / (1 + ((harmonic - colour) / 3) ** 2);
      samples[at + index] += 0.01 * swell * random();
    }
    at += length + Math.round(rate * 0.06 * Math.abs(random()));
  }
  return samples;
}

const power = (samples, from, to) => {
  const part = samples.subarray(from * RATE, to * RATE);
  return 10 * Math.log10(part.reduce((sum, sample) => sum + sample * sample, 1e-12) / part.length);
};

/** What the canceller leaves of a room with an echo after 180 ms, of the same loudness as what is played at 48 000 Hz. */
function heard(seconds, other) {
  const played = voice(seconds, 48_000, 180, 1);
  const echoed = new Resampler(48_000, RATE).push(played);
  const room = Float32Array.from(other, (sample, index) => sample + (echoed[index - 2880] ?? 0) + 0.4 * (echoed[index - 3180] ?? 0));
  const canceller = new EchoCanceller(library);
  const rest = [];
  for (let piece = 0; piece < seconds * 50; piece++) {
    canceller.played(played.slice(piece * 960, (piece + 1) * 960), 48_000);
    rest.push(...canceller.clean(room.slice(piece * 320, (piece + 1) * 320)));
  }
  return { room, rest: Float32Array.from(rest), canceller };
}

test('of the persona’s own voice in the microphone next to nothing is left [live.echo]', { skip }, () => {
  const { room, rest, canceller } = heard(5, new Float32Array(5 * RATE));
  assert.equal(rest.length, room.length);
  assert.ok(power(room, 3, 5) - power(rest, 3, 5) > 20, `${power(room, 3, 5)} to ${power(rest, 3, 5)} dB`);
  assert.ok(canceller.knowsTheRoom);
});

test('who speaks at the same time is heard [live.echo]', { skip }, () => {
  const other = voice(6, RATE, 120, 7).map((sample, index) => (index > 4 * RATE ? sample : 0));
  assert.ok(power(heard(6, other).rest, 4, 6) > power(other, 4, 6) - 8);
});

test('without anything played what is heard stays as it is [live.echo]', { skip }, () => {
  const samples = voice(2, RATE, 120, 7);
  const canceller = new EchoCanceller(library);
  const rest = [];
  for (let at = 0; at < samples.length; at += 320) rest.push(...canceller.clean(samples.slice(at, at + 320)));
  assert.ok(Math.abs(power(Float32Array.from(rest), 0.5, 2) - power(samples, 0.5, 2)) < 1);
});

test('what was played is handed out in order, whatever the microphone’s rate; silence where it is late', () => {
  const reference = new Reference(48_000);
  let next = 1;
  const push = (count) => reference.push(Float32Array.from({ length: count }, () => next++));
  assert.deepEqual([...reference.take(0.001)], new Array(48).fill(0));
  push(960);
  push(960);
  assert.deepEqual([...reference.take(0.03)], Array.from({ length: 1440 }, (_, index) => index + 1));
  const rest = reference.take(0.02);
  assert.deepEqual([rest[0], rest[479], rest[480]], [1441, 1920, 0]);
  let count = 0;
  for (let piece = 0; piece < 100; piece++) count += new Reference(44_100).take(0.02).length;
  assert.equal(count, 88_200);
  const odd = new Reference(44_100);
  count = 0;
  for (let piece = 0; piece < 3000; piece++) count += odd.take(0.01 / 3).length;
  assert.ok(Math.abs(count - 441_000) <= 1, 'no part of a sample is lost');
});

test('too much of it is given up at once, a little too much only in silence; silence is no sound of a room', () => {
  const sound = (value) => new Float32Array(960).fill(value);
  const reference = new Reference(48_000);
  for (let piece = 0; piece < 14; piece++) reference.push(sound(0.1 + piece / 100)); // a page that stood still for 280 ms
  assert.ok(Math.abs(reference.take(0.001)[0] - 0.22) < 0.01, 'the newest are kept');
  const late = new Reference(48_000);
  for (const value of [0.5, 0, 0, 0, 0, 0, 0]) late.push(sound(value));
  late.take(0.02);
  assert.equal(late.soundS, 0.02);
  late.take(0.02);
  late.push(sound(0.7));
  assert.ok(Math.abs(late.take(0.02)[0]) < 1e-6, 'what lies ready comes first');
  assert.ok(Math.abs(late.take(0.02)[0] - 0.7) < 1e-6, 'and the silence between was shortened');
});
