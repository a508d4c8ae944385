// Backdrops: pictures fill the frame without distortion, colours mix, every room is painted to its edges.
import assert from 'node:assert/strict';
import test from 'node:test';

import { BACKDROPS, coverOf, mix, paintBackdrop } from '../avatar_assets/web/stage/backdrop.mjs';

/** A canvas that writes down what is painted on it, in its own coordinates. */
class Canvas {
  constructor(width, height) {
    Object.assign(this, { width, height, painted: [] });
    this.context = new Proxy(
      { canvas: this },
      {
        get: (target, name) => {
          if (name in target) return target[name];
          if (/Gradient$/.test(name)) return () => ({ addColorStop: (at, colour) => assert.match(`${at} ${colour}`, /^[\d.]+ (#[0-9a-f]{6}|rgb\()/) });
          return (...values) => this.painted.push([name, ...values]);
        },
        set: (target, name, value) => {
          if (typeof value === 'string') assert.doesNotMatch(value, /NaN|undefined/);
          return Reflect.set(target, name, value);
        },
      },
    );
  }

  getContext() {
    return this.context;
  }
}

globalThis.OffscreenCanvas = Canvas;

for (const name of Object.keys(BACKDROPS)) {
  for (const dark of [false, true]) {
    test(`${name} is painted in a ${dark ? 'dark' : 'light'} page, without a number that is none`, () => {
      const canvas = new Canvas(640, 480);
      paintBackdrop(canvas.context, { name, colour: '#3a7f86', dark, image: null });
      const numbers = canvas.painted.flat().filter((value) => typeof value === 'number');
      assert.ok(numbers.length && numbers.every(Number.isFinite));
      const covering = canvas.painted.some(
        ([what, ...box]) => (what === 'fillRect' && box[0] <= 0 && box[1] <= 0 && (box[2] >= 640 || box[2] === 4)) || (what === 'drawImage' && box.at(-1) === 480),
      );
      assert.ok(covering, 'all of the canvas is painted');
    });
  }
}

test('the middle of a picture fills a frame of another shape', () => {
  assert.deepEqual(coverOf({ width: 1000, height: 500 }, { width: 100, height: 100 }), [250, 0, 500, 500]);
  assert.deepEqual(coverOf({ width: 500, height: 1000 }, { width: 200, height: 100 }), [0, 375, 500, 250]);
  const canvas = new Canvas(100, 100);
  const image = { width: 1000, height: 500 };
  paintBackdrop(canvas.context, { name: 'own', colour: '#3a7f86', dark: true, image });
  assert.deepEqual(canvas.painted, [['drawImage', image, 250, 0, 500, 500, 0, 0, 100, 100]]);
});

test('colours mix by channel', () => {
  assert.equal(mix('#000000', '#ffffff', 0.5), '#808080');
  assert.equal(mix('#ff0000', '#0000ff', 1), '#ff0000');
  assert.equal(mix('#0a0b0c', '#ffffff', 1), '#0a0b0c');
});
