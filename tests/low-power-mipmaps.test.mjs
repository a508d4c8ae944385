// Mipmaps: every smaller copy down to a single point, of pictures that the browser can copy and that are drawn with mipmaps.
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeMipmaps } from '../avatar_assets/web/avatar/low_power/mipmaps.mjs';

class Bitmap {
  constructor(width, height) {
    Object.assign(this, { width, height });
  }
}

function browser(t) {
  const asked = [];
  const { ImageBitmap, createImageBitmap } = globalThis;
  globalThis.ImageBitmap = Bitmap;
  globalThis.createImageBitmap = async (from, options) => {
    asked.push(options);
    return new Bitmap(options.resizeWidth, options.resizeHeight);
  };
  t.after(() => Object.assign(globalThis, { ImageBitmap, createImageBitmap }));
  return asked;
}
const texture = (image, generateMipmaps = true) => ({ image, generateMipmaps, mipmaps: [] });

test('each copy has half the sides of the one before, down to one point', async (t) => {
  const asked = browser(t);
  const [square, flat] = [texture(new Bitmap(8, 8)), texture(new Bitmap(10, 3))];
  await makeMipmaps(new Set([square, flat]));
  const sizes = ({ mipmaps }) => mipmaps.map(({ width, height }) => `${width}x${height}`).join(' ');
  assert.equal(sizes(square), '8x8 4x4 2x2 1x1');
  assert.equal(sizes(flat), '10x3 5x1 2x1 1x1');
  assert.ok(!square.generateMipmaps && !flat.generateMipmaps);
  assert.ok(asked.every(({ premultiplyAlpha }) => premultiplyAlpha === 'none'));
});

test('textures without mipmaps, and pictures that are no bitmaps, stay as they are', async (t) => {
  browser(t);
  const [sharp, element] = [texture(new Bitmap(8, 8), false), texture({ width: 8, height: 8 })];
  await makeMipmaps([sharp, element]);
  assert.deepEqual([sharp.mipmaps, element.mipmaps], [[], []]);
  assert.ok(element.generateMipmaps);
});
