// Views: every view keeps what it promises in the picture, whatever the picture's shape.
import assert from 'node:assert/strict';
import test from 'node:test';

import { FIRST_VIEW, FLIGHT_MS, VIEWS, between, drawnShotOf, shotOf, viewOf } from '../avatar_assets/web/avatar/views.mjs';

const PICTURES = { square: [512, 512], desktop: [868, 714], phone: [370, 388], narrow: [215, 388], flat: [900, 200] };
const TOP = 1.72;

for (const [name, [width, height]] of Object.entries(PICTURES)) {
  test(`the whole person stands in a ${name} picture, feet, hair and hands`, () => {
    const { seen, centre } = shotOf('full', { width, height }, TOP);
    assert.ok(centre - seen / 2 < -0.1, 'a little floor is seen');
    assert.ok(centre + seen / 2 > TOP + 0.1);
    assert.ok((seen * width) / height >= 1.1 - 1e-9);
  });

  test(`the eyes are at the same height of a ${name} picture from near and far`, () => {
    for (const [view, share] of [['head', 0.43], ['upper', 0.42]]) {
      const { seen, centre } = shotOf(view, { width, height }, TOP);
      assert.ok(Math.abs((centre + seen / 2 - (TOP - 0.2)) / seen - share) < 1e-9, view);
    }
    const [head, upper, full] = Object.keys(VIEWS).map((view) => shotOf(view, { width, height }, TOP).seen);
    assert.ok(head < upper && upper < full);
  });
}

test('a flight begins here, ends there and never leaves the way between', () => {
  const [from, to] = [shotOf('head', { width: 500, height: 500 }, TOP), shotOf('full', { width: 500, height: 500 }, TOP)];
  assert.deepEqual(between(from, to, -5), from);
  assert.deepEqual(between(from, to, FLIGHT_MS * 2), to);
  let before = from.seen;
  for (let ms = 0; ms <= FLIGHT_MS; ms += 30) {
    const { seen } = between(from, to, ms);
    assert.ok(seen >= before);
    before = seen;
  }
  assert.ok(Array.isArray(between([0, 0, 1, 1], [1, 1, 2, 2], 10)));
});

test('two heads stand beside each other, and beside a drawn face nobody shows their legs', () => {
  const room = (view) => shotOf(view, { width: 500, height: 714 }, TOP).seen;
  assert.ok(room(viewOf('head', 2, false)) > room(viewOf('head', 1, false)));
  assert.equal(viewOf('full', 2, true), 'upper');
  assert.equal(viewOf('full', 2, false), 'full');
  assert.equal(drawnShotOf(viewOf('head', 2, true)), drawnShotOf('upper'));
});

test('the drawn face has a shot for every view, and its whole person is the upper body', () => {
  assert.ok(Object.hasOwn(VIEWS, FIRST_VIEW));
  assert.equal(drawnShotOf('full'), drawnShotOf('upper'));
  const [x, y, width, height] = drawnShotOf('head');
  assert.ok(x < 88 && x + width > 312 && y < 52 && y + height > 318, 'hair, ears and chin are in it');
});
