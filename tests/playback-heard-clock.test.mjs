// The clock of what is heard, against contexts that behave, that have no timestamps, that stop and that jump.

import assert from 'node:assert/strict';
import test from 'node:test';
import { HeardClock } from '../avatar_assets/web/playback/heard-clock.mjs';

/** A device that plays `latency` s after rendering and renders in whole buffers. */
function device({ latency = 0.04, buffer = 0.01, stamps = true } = {}) {
  const world = { now: 1000, stopped: null };
  const running = () => (world.stopped ?? world.now) / 1000;
  world.context = {
    baseLatency: latency / 4,
    outputLatency: (3 * latency) / 4,
    get currentTime() {
      return Math.floor(running() / buffer) * buffer;
    },
  };
  if (stamps) world.context.getOutputTimestamp = () => ({ contextTime: running() - latency, performanceTime: world.stopped ?? world.now });
  world.clock = new HeardClock(world.context, () => world.now);
  world.truth = () => running() - latency;
  return world;
}

function run(world, seconds, check = () => {}) {
  for (let frame = 0; frame < seconds * 60; frame++) {
    world.now += 1000 / 60;
    check(world.clock.heard(), world.truth());
  }
}

for (const stamps of [true, false]) {
  for (const latency of [0.01, 0.04, 0.25]) {
    test(`within 2 ms of the truth, ${stamps ? 'with' : 'without'} output timestamps, ${latency * 1000} ms of latency`, () => {
      const world = device({ stamps, latency });
      run(world, 3);
      run(world, 5, (heard, truth) => assert.ok(Math.abs(heard - truth) < 0.002 + (stamps ? 0 : 0.003), `${heard} instead of ${truth}`));
    });
  }
}

test('never runs backwards between frames [lips.clock]', () => {
  const world = device({ stamps: false });
  let last = -Infinity;
  run(world, 1);
  run(world, 5, (heard) => {
    assert.ok(heard >= last);
    last = heard;
  });
});

test('stands still while the context does, and goes on where it was', () => {
  const world = device();
  run(world, 1);
  world.stopped = world.now;
  run(world, 2, (heard) => assert.ok(heard <= world.context.currentTime));
});

test('a device that suddenly answers later is followed at once', () => {
  const world = device();
  run(world, 1);
  const { context } = world;
  context.getOutputTimestamp = () => ({ contextTime: world.now / 1000 - 0.24, performanceTime: world.now });
  run(world, 0.1);
  assert.ok(Math.abs(world.clock.heard() - (world.now / 1000 - 0.24)) < 0.001);
});

test('latencies and timestamps that the browser does not have count as none', () => {
  const world = device({ stamps: false, latency: 0 });
  delete world.context.baseLatency;
  delete world.context.outputLatency;
  run(world, 2);
  assert.equal(world.clock.latency(), 0);
  assert.ok(Math.abs(world.clock.heard() - world.truth()) < 0.01);
});

for (const [what, stamp] of [
  ['empty', { contextTime: 0, performanceTime: 0 }],
  ['ahead of what was rendered', { contextTime: 1e6, performanceTime: 1 }],
  ['missing', undefined],
]) {
  test(`a timestamp that is ${what} is not believed`, () => {
    const world = device();
    world.context.getOutputTimestamp = () => stamp;
    run(world, 3);
    assert.ok(Math.abs(world.clock.heard() - world.truth()) < 0.005);
  });
}

test('tells when a sample is heard', () => {
  const world = device({ latency: 0.05 });
  run(world, 1);
  const later = world.truth() + 0.2;
  assert.ok(Math.abs(world.clock.performanceTimeOf(later) - (world.now + 200)) < 1);
});
