// Recording: which kind of film a browser can encode, how large it is, and what is heard at a moment of it.
import assert from 'node:assert/strict';
import test from 'node:test';

import { SOUND_RATE, encodableKind } from '../avatar_assets/web/recording/encoder.mjs';
import { filmSizeOf } from '../avatar_assets/web/recording/frame-compositor.mjs';
import { FilmPlayback } from '../avatar_assets/web/recording/playback.mjs';

const browser = (...codecs) => ({
  VideoEncoder: { isConfigSupported: async ({ codec }) => ({ supported: codecs.some((good) => codec.startsWith(good)) }) },
  AudioEncoder: { isConfigSupported: async ({ codec }) => ({ supported: codecs.includes(codec) }) },
});

test('the first kind that a browser encodes is taken, or the one that is asked for', async () => {
  assert.equal((await encodableKind(undefined, browser('avc1', 'vp09', 'opus'))).kind.name, 'MP4');
  assert.equal((await encodableKind(undefined, browser('vp09', 'opus'))).kind.name, 'WebM');
  assert.equal((await encodableKind('webm', browser('avc1', 'vp09', 'opus'))).kind.name, 'WebM');
  assert.equal((await encodableKind('mp4', { VideoEncoder: browser('avc1').VideoEncoder })).kind.name, 'MP4', 'AAC needs no browser');
});

test('a browser that cannot encode says what it lacks', async () => {
  const { kind, reason } = await encodableKind(undefined, {});
  assert.deepEqual([kind, reason], [null, 'This browser cannot encode video: it has no WebCodecs. Current Chrome, Edge, Firefox and Safari do.']);
  assert.match((await encodableKind(undefined, browser('vp09'))).reason, /neither MP4 nor WebM/, 'without Opus there is no WebM');
  assert.match((await encodableKind('mp4', browser('vp09', 'opus'))).reason, /no MP4/);
});

test('a film is even, keeps its shape and is not larger than needed', () => {
  assert.deepEqual(filmSizeOf({ width: 481, height: 333 }), { width: 482, height: 334 });
  assert.deepEqual(filmSizeOf({ width: 1500, height: 900 }, 2), { width: 1280, height: 768 });
  assert.deepEqual(filmSizeOf({ width: 300, height: 200 }, 3), { width: 600, height: 400 });
  assert.deepEqual(filmSizeOf({ width: 1, height: 1 }, 1), { width: 2, height: 2 });
});

const second = (value) => new Float32Array(SOUND_RATE).fill(value);

test('segments follow each other on the timeline of the film, silence before and after', () => {
  const [one, two] = [{ index: 0 }, { index: 1 }];
  const playback = new FilmPlayback([one, two], [second(0.5), second(0.25)], { leadMs: 400, tailMs: 600 });
  assert.equal(playback.duration, 3000);
  assert.deepEqual([0.1, 0.5, 1.5, 2.9].map((at) => playback.samples[at * SOUND_RATE]), [0, 0.5, 0.25, 0]);
  const heardAt = (ms) => {
    playback.moveTo(ms);
    return [playback.heard?.index ?? null, playback.sounding().map(({ segment, ms: from }) => [segment.index, from])];
  };
  assert.deepEqual(heardAt(100), [null, []]);
  assert.deepEqual(heardAt(300), [null, [[0, -100]]], 'the mouth sets off before the sound');
  assert.deepEqual(heardAt(400), [0, [[0, 0]]]);
  assert.deepEqual(heardAt(1390), [0, [[0, 990], [1, -10]]]);
  assert.deepEqual(heardAt(1400), [1, [[0, 1000], [1, 0]]]);
  assert.deepEqual(heardAt(2500), [null, [[1, 1100]]]);
  assert.deepEqual(heardAt(2990), [null, []]);
});

test('the head hears how loud it is, and nothing in silence', () => {
  const playback = new FilmPlayback([{}], [second(0.5)], { leadMs: 400, tailMs: 0 });
  const bins = new Uint8Array(16);
  playback.moveTo(200);
  playback.spectrum(bins);
  assert.equal(bins[5], 0);
  playback.moveTo(900);
  playback.spectrum(bins);
  assert.ok(bins[5] > 200, `${bins[5]}`);
});
