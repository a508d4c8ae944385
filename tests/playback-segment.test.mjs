// Segment: how long it is heard.
import assert from 'node:assert/strict';
import test from 'node:test';

import { durationOf } from '../avatar_assets/web/playback/segment.mjs';

test('a segment lasts as long as its samples', () => {
  assert.equal(durationOf({ pcm: new ArrayBuffer(9600), sampleRate: 24_000 }), 200);
});
