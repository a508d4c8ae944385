// The measuring of frames: what is asked for less, when, and what is no reason to.

import assert from 'node:assert/strict';
import test from 'node:test';
import { AdaptiveQuality } from '../avatar_assets/web/avatar/adaptive-quality.mjs';

function watch(renderer) {
  const levels = [];
  const gl = {
    RENDERER: 1,
    getExtension: () => ({ UNMASKED_RENDERER_WEBGL: 2 }),
    getParameter: (name) => (name === 2 ? renderer : 'WebKit WebGL'),
  };
  const quality = new AdaptiveQuality(gl, (level) => levels.push(level));
  let time = 0;
  return {
    levels,
    run(seconds, interval) {
      for (const end = time + seconds * 1000; time < end;) quality.frame((time += interval));
    },
  };
}
const GPU = 'ANGLE (NVIDIA GeForce RTX 3060)';

test('a fast computer keeps everything, whatever its frame rate', () => {
  for (const fps of [60, 120, 144]) {
    const { levels, run } = watch(GPU);
    run(60, 1000 / fps);
    assert.equal(levels.length, 1);
    assert.equal(levels[0].environment, true);
  }
});

for (const renderer of [
  'ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device))',
  'llvmpipe (LLVM 15.0.7, 256 bits)',
  'Microsoft Basic Render Driver',
]) {
  test(`${renderer} begins without the environment map`, () => {
    const { levels } = watch(renderer);
    assert.equal(levels[0].environment, false);
    assert.ok(!levels[0].tooSlow);
  });
}

test('a slow computer is asked for less step by step, and no further than it needs [stage.low-power]', () => {
  const { levels, run } = watch(GPU);
  run(30, 60);
  assert.deepEqual(levels.map(({ environment, pixelRatio }) => [environment, pixelRatio]), [[true, 2], [true, 1], [false, 1]]);
});

test('one that cannot draw at all gives up within half a minute', () => {
  const { levels, run } = watch('llvmpipe');
  run(30, 800);
  assert.equal(levels.at(-1).tooSlow, true);
  const before = levels.length;
  run(30, 800);
  assert.equal(levels.length, before, 'it gives up once');
});

test('ten busy seconds are survived in 3-D', () => {
  const { levels, run } = watch('llvmpipe');
  run(10, 400);
  run(60, 50);
  assert.ok(levels.every(({ tooSlow }) => !tooSlow));
});

test('a hidden tab and a single long frame are no slowness', () => {
  const { levels, run } = watch(GPU);
  for (let minute = 0; minute < 10; minute++) {
    run(5, 1000 / 60);
    run(1, 5000);
    run(5, 1000 / 60);
    run(1.9, 1900);
  }
  assert.equal(levels.length, 1);
});
