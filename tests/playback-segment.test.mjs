// Segment: base64 of every length that pads differently becomes PCM, with and without the browser's own decoder.
import assert from 'node:assert/strict';
import test from 'node:test';

import { durationOf, segmentFromWire } from '../avatar_assets/web/playback/segment.mjs';

test('sound arrives byte by byte as it was sent, everything else as it is', () => {
  for (const length of [0, 2, 4, 6, 0x8000, 100_002]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + length) % 256);
    const { pcm, ...rest } = segmentFromWire({ index: 3, sampleRate: 16_000, audio: Buffer.from(bytes).toString('base64') });
    assert.deepEqual(new Uint8Array(pcm), bytes);
    assert.deepEqual(rest, { index: 3, sampleRate: 16_000 });
  }
});

test("the browser's own base64 is used where there is one", () => {
  const before = Uint8Array.fromBase64;
  Uint8Array.fromBase64 = () => new Uint8Array(6);
  assert.equal(segmentFromWire({ audio: 'AAAA' }).pcm.byteLength, 6);
  delete Uint8Array.fromBase64;
  assert.equal(segmentFromWire({ audio: 'AAAA' }).pcm.byteLength, 3);
  if (before) Uint8Array.fromBase64 = before;
});

test('a segment lasts as long as its samples', () => {
  assert.equal(durationOf({ pcm: new ArrayBuffer(9600), sampleRate: 24_000 }), 200);
});
