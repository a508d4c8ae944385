// Recorder: which kind of film a browser can write, how large it is, and that sound and picture are brought together.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Picture, filmSizeOf } from '../avatar_assets/web/recording/frame-compositor.mjs';
import { Recorder, medianOf, recordable } from '../avatar_assets/web/recording/recorder.mjs';

function browser(...types) {
  class HTMLCanvasElement {}
  HTMLCanvasElement.prototype.captureStream = () => {};
  return { HTMLCanvasElement, MediaRecorder: { isTypeSupported: (type) => types.some((good) => type.startsWith(good)) } };
}

test('the first kind that a browser writes is taken', () => {
  assert.equal(recordable(browser('video/mp4', 'video/webm')).kind.name, 'WebM');
  assert.equal(recordable(browser('video/mp4')).kind.name, 'MP4');
  assert.equal(recordable(browser('video/webm')).kind.name, 'WebM');
  assert.equal(recordable(browser('video/webm')).reason, '');
});

test('a browser that cannot record says which part it lacks', () => {
  const without = { ...browser('video/webm'), MediaRecorder: undefined };
  assert.deepEqual([recordable(without).kind, /MediaRecorder/.test(recordable(without).reason)], [null, true]);
  const still = { ...browser('video/webm'), HTMLCanvasElement: class {} };
  assert.deepEqual([recordable(still).kind, /captureStream/.test(recordable(still).reason)], [null, true]);
  assert.match(recordable(browser()).reason, /neither MP4 nor WebM/);
});

test('a film is even, keeps its shape and is not larger than needed', () => {
  assert.deepEqual(filmSizeOf({ width: 481, height: 333 }), { width: 482, height: 334 });
  const { width, height } = filmSizeOf({ width: 1500, height: 900 }, 2);
  assert.equal(width, 1280);
  assert.equal(height, 768);
  assert.deepEqual(filmSizeOf({ width: 1, height: 1 }, 1), { width: 2, height: 2 });
});

test('the middle of some numbers', () => {
  assert.equal(medianOf([]), 0);
  assert.equal(medianOf([100, 1, 2]), 2);
});

/** Stand-ins for what the browser gives, which write down what they are asked. */
function studio(t, userAgent = 'Firefox/140.0') {
  const said = [];
  const track = (kind) => ({ kind, stop: () => said.push(`${kind} stop`) });
  class FakeStream {
    constructor(tracks) {
      this.tracks = tracks;
    }
    getTracks() {
      return this.tracks;
    }
    getVideoTracks() {
      return this.tracks.filter(({ kind }) => kind === 'video');
    }
    getAudioTracks() {
      return this.tracks.filter(({ kind }) => kind === 'audio');
    }
  }
  class FakeRecorder {
    state = 'inactive';
    constructor(stream) {
      this.stream = stream;
    }
    start() {
      this.state = 'recording';
      said.push('start');
      this.ondataavailable({ data: new Blob(['head']) });
    }
    requestData() {}
    stop() {
      this.state = 'inactive';
      said.push('stop');
      queueMicrotask(() => this.onstop?.());
    }
  }
  class FakeDelay {
    constructor(_context, options) {
      this.delayTime = { value: options.delayTime };
      said.push(`delay ${Math.round(options.delayTime * 1000)}`);
    }
    connect(target) {
      return target;
    }
  }
  const globals = { MediaStream: FakeStream, MediaRecorder: FakeRecorder, DelayNode: FakeDelay, navigator: { userAgent } };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
  const output = {
    context: { createMediaStreamDestination: () => ({ stream: new FakeStream([track('audio')]) }) },
    connect: (node) => node,
    disconnect: () => said.push('disconnect'),
  };
  const canvas = { captureStream: () => new FakeStream([track('video')]) };
  const kind = { name: 'WebM', suffix: 'webm', type: 'video/webm;codecs=vp8,opus', late: 45 };
  return { said, recorder: new Recorder({ canvas, output, kind }) };
}

async function until(happened) {
  while (!happened()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('the sound waits as long as the loudspeaker and the picture do, and a busy encoder is waited for', async (t) => {
  const { said, recorder } = studio(t);
  for (const lag of [10, 12, 300]) recorder.frame(performance.now() - lag, 0.05);
  recorder.start(performance.now() + 60);
  await until(() => said.includes('start'));
  assert.equal(said[0], 'delay 62');
  assert.equal(said[1], 'start');
  const file = await recorder.finish();
  assert.equal(file.type, 'video/webm');
  assert.ok(said.indexOf('audio stop') < said.indexOf('stop'), 'the film ends before the encoder is stopped');
  assert.ok(said.includes('disconnect'));
});

test('where the browser stamps the sound late it waits the less, and never less than nothing', async (t) => {
  const { said, recorder } = studio(t, 'Chrome/140.0');
  recorder.frame(performance.now() - 10, 0.05);
  recorder.start(performance.now());
  await until(() => said.length);
  recorder.cancel();
  assert.equal(said[0], 'delay 15');
});

test('a film that is cancelled before its first sound was never begun', async (t) => {
  const { said, recorder } = studio(t);
  recorder.start(performance.now() + 60);
  recorder.cancel();
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.deepEqual(said, []);
  await assert.rejects(recorder.finish(), /recorded nothing/);
});

/** A picture of two seats, with stand-ins for its canvases; `seen` has the frames of every drawing. */
function pictureOfTwo(t) {
  const seen = [];
  class FakeCanvas {
    getContext() {
      return { drawImage: (frame) => (this.shows = frame.shows) };
    }
  }
  const context = { drawImage: (still) => seen.at(-1).push(still.shows), fillRect: () => seen.push([]) };
  const globals = { OffscreenCanvas: FakeCanvas, document: { createElement: () => ({ getContext: () => context }) } };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
  const element = { clientWidth: 400, clientHeight: 300, getBoundingClientRect: () => ({ left: 0, top: 0, width: 200, height: 300 }) };
  const seats = ['first', 'second'];
  const picture = new Picture({ stage: element, backdrop: null, captions: null, sharpness: 1 });
  const keep = (seat, at) => picture.keep(seats, seat, { width: 200, height: 300, shows: `${seat} ${at}` }, at);
  const draw = (moment) => picture.draw(seats.map((seat) => [seat, element]), moment);
  return { seen, keep, draw };
}

test('two people are shown as they were at the same moment, though one of them is drawn later', (t) => {
  const { seen, keep, draw } = pictureOfTwo(t);
  keep('first', 0);
  assert.equal(keep('second', 2), 0);
  for (const at of [30, 60, 90]) assert.equal(keep('first', at), 2);
  const moment = keep('second', 33);
  assert.equal(moment, 33);
  draw(moment);
  keep('second', 97);
  draw(keep('first', 150)); // the second was drawn a little after the first, in the same frame
  assert.deepEqual(seen, [
    ['first 30', 'second 33'],
    ['first 90', 'second 97'],
  ]);
});

test('nobody waits for somebody who sends no frames any more', (t) => {
  const { seen, keep, draw } = pictureOfTwo(t);
  keep('first', 0);
  keep('second', 0);
  for (let at = 30; at < 490; at += 30) assert.equal(keep('first', at), 0);
  const moment = keep('first', 510);
  assert.equal(moment, 510);
  draw(moment);
  assert.deepEqual(seen, [['first 510', 'second 0']]);
});
