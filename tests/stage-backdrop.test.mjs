// Backdrop: every room has its pictures, fills the canvas over the person's colour, and what is shown is what was asked for last.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import test from 'node:test';

import { BACKDROPS, Backdrop, FIRST_BACKDROP, coverOf } from '../avatar_assets/web/stage/backdrop.mjs';

globalThis.devicePixelRatio = 3;
const FOLDER = new URL('../avatar_assets/web/stage/backdrops/', import.meta.url);
const LOOK = { name: 'study', colour: '#3a7f86', dark: false, image: null };

/** A canvas of 320 by 240 that writes down what is drawn, and pictures that arrive when they are let. */
function stand() {
  const [drawn, arrive] = [[], {}];
  const context = { fillRect: (...box) => drawn.push(['fill', context.fillStyle, ...box]), drawImage: ({ file }, ...box) => drawn.push([file, ...box]) };
  const canvas = { clientWidth: 320, clientHeight: 240, dataset: {}, getContext: () => context };
  const load = (file) => new Promise((resolve, reject) => (arrive[file] = { now: () => resolve({ file, width: 10, height: 10 }), never: () => reject(new Error('404')) }));
  return { backdrop: new Backdrop(canvas, load), canvas, drawn, arrive };
}

for (const name of Object.keys(BACKDROPS).filter((one) => one !== 'own')) {
  for (const dark of [false, true]) {
    test(`${name} in a ${dark ? 'dark' : 'light'} page is a picture over the person's colour, all over the canvas`, async () => {
      const { backdrop, canvas, drawn, arrive } = stand();
      const shown = backdrop.show({ ...LOOK, name, dark });
      const [file] = Object.keys(arrive);
      assert.ok(statSync(new URL(file, FOLDER)).size < 40_000);
      arrive[file].now();
      await shown;
      assert.deepEqual([canvas.width, canvas.height], [640, 480], 'twice as sharp as the page, not more');
      assert.deepEqual(drawn, [['fill', '#3a7f86', 0, 0, 640, 480], [file, 0, 0, 640, 480]]);
    });
  }
}

test('the last wish is what is seen, in whatever order pictures arrive, and each is fetched once', async () => {
  const { backdrop, drawn, arrive } = stand();
  const wishes = [backdrop.show(LOOK), backdrop.show({ ...LOOK, name: 'evening' }), backdrop.show({ ...LOOK, colour: '#aa0000' })];
  arrive['evening-light.webp'].now();
  arrive['study-light.webp'].now();
  await Promise.all(wishes);
  assert.deepEqual(drawn.map(([what, colour]) => (what === 'fill' ? colour : what)), ['#aa0000', 'study-light.webp']);
});

test('a picture of the user\'s own keeps its shape, and without one there is the first room', async () => {
  const { backdrop, drawn, arrive } = stand();
  const image = { file: 'own', width: 1000, height: 500 };
  await backdrop.show({ ...LOOK, name: 'own', image });
  assert.deepEqual(drawn.at(-1).slice(0, 5), ['own', ...coverOf(image, { width: 640, height: 480 })]);
  const missing = backdrop.show({ ...LOOK, name: 'own' });
  arrive[`${FIRST_BACKDROP}-light.webp`].now();
  await missing;
  assert.equal(drawn.at(-1)[0], `${FIRST_BACKDROP}-light.webp`);
});

test('a room that cannot be loaded says so, leaves the one before, and is tried again', async () => {
  const { backdrop, drawn, arrive } = stand();
  const failing = backdrop.show(LOOK);
  arrive['study-light.webp'].never();
  await assert.rejects(failing, /The background Study could not be loaded: 404/);
  backdrop.draw();
  assert.deepEqual(drawn, []);
  const again = backdrop.show({ ...LOOK });
  arrive['study-light.webp'].now();
  await again;
  assert.equal(drawn.length, 2);
});

test('the middle of a picture fills a frame of another shape', () => {
  assert.deepEqual(coverOf({ width: 1000, height: 500 }, { width: 100, height: 100 }), [250, 0, 500, 500]);
  assert.deepEqual(coverOf({ width: 500, height: 1000 }, { width: 200, height: 100 }), [0, 375, 500, 250]);
});
