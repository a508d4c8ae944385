// Base64: both ways, with and without the browser's own, for every length that pads differently.
import assert from 'node:assert/strict';
import test from 'node:test';

import { fromBase64, toBase64 } from '../avatar_assets/web/page/base64.mjs';

const SAMPLES = [0, 1, 2, 3, 255, 0x8000 - 1, 0x8000, 0x8000 + 1, 100_003].map((length) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + length) % 256),
);

test('bytes survive the way there and back, and look as everybody else writes them', () => {
  for (const bytes of SAMPLES) {
    const text = toBase64(bytes);
    assert.equal(text, Buffer.from(bytes).toString('base64'));
    assert.deepEqual(fromBase64(text), bytes);
  }
});

test("the browser's own is used where there is one", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  bytes.toBase64 = () => 'its own';
  assert.equal(toBase64(bytes), 'its own');
});
