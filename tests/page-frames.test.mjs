// Frames: whatever pieces they arrive in, each message comes once, whole and with its bytes.
import assert from 'node:assert/strict';
import test from 'node:test';

import { FrameReader, frame } from '../avatar_assets/web/page/frames.mjs';

const SOUND = Uint8Array.from({ length: 1000 }, (_, index) => index * 7);
const KEEP_ALIVE = new Uint8Array(8);
const STREAM = Buffer.concat([frame({ type: 'a', text: 'Zoë 😀' }), KEEP_ALIVE, frame({ type: 'b' }, SOUND), frame({}), frame({ type: 'c' }, SOUND.buffer)]);

test('a stream that is cut anywhere gives the same messages', () => {
  for (const size of [1, 3, 7, 8, 9, 64, 1000, STREAM.length]) {
    const reader = new FrameReader();
    const got = [];
    for (let at = 0; at < STREAM.length; at += size) got.push(...reader.push(STREAM.subarray(at, at + size)));
    assert.deepEqual(got.map(({ type, text }) => [type, text]), [['a', 'Zoë 😀'], ['b', undefined], [undefined, undefined], ['c', undefined]]);
    assert.deepEqual(new Uint8Array(got[1].pcm), SOUND);
    assert.ok(got[3].pcm instanceof ArrayBuffer);
    assert.equal('pcm' in got[0], false);
  }
});

test('a view of a part of its buffer is that part', () => {
  const [{ pcm }] = new FrameReader().push(frame({}, new Int16Array(SOUND.buffer, 100, 10)));
  assert.deepEqual(new Uint8Array(pcm), SOUND.subarray(100, 120));
});
