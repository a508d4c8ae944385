// Settings of the stage: what was kept is used as far as it makes sense, what cannot be a picture is refused by name.
import assert from 'node:assert/strict';
import test from 'node:test';

import { DEFAULTS, choicesOf, pictureProblemOf } from '../avatar_assets/web/stage/stage-settings.mjs';

test('what was kept comes back', () => {
  const kept = { view: 'full', backdrop: 'shelves', captionSize: 'large', captions: false, background: false };
  assert.deepEqual(choicesOf(JSON.stringify(kept)), kept);
});

for (const kept of [null, '', '{', '[]', 'null', '7', '"full"', '{"view":"toString","backdrop":3,"captions":"no","captionSize":"huge"}', '{"__proto__":{"view":"head"}}']) {
  test(`of ${JSON.stringify(kept)} nothing is taken over`, () => assert.deepEqual(choicesOf(kept), DEFAULTS));
}

test('one good choice beside a bad one is kept', () => {
  assert.deepEqual(choicesOf('{"view":"head","backdrop":"moon"}'), { ...DEFAULTS, view: 'head' });
});

test('a picture that is empty or too large is refused by its name', () => {
  assert.match(pictureProblemOf({ name: 'a.png', size: 0 }), /“a\.png” is empty/);
  assert.match(pictureProblemOf({ name: 'b.png', size: 21e6 }), /“b\.png” is larger than 20 MB/);
  assert.equal(pictureProblemOf({ name: 'c.png', size: 1000 }), '');
});
