import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameClock } from '../avatar_assets/web/playback/frame-clock.mjs';

/** A browser whose time and frames are the test's. */
function fakeBrowser() {
  const frames = new Map();
  const browser = {
    time: 1000,
    errors: [],
    performance: { now: () => browser.time },
    requestAnimationFrame: (callback) => frames.set(frames.size + 1, callback).size,
    cancelAnimationFrame: (id) => frames.delete(id),
    reportError: (error) => browser.errors.push(error.message),
    draw(time) {
      browser.time = time;
      const due = [...frames.values()];
      frames.clear();
      for (const callback of due) callback(time);
    },
  };
  return browser;
}

test('it follows the browser, and a frame asked for in a frame is the next one', () => {
  const browser = fakeBrowser();
  const clock = new FrameClock(browser);
  const times = [];
  const draw = (time) => {
    times.push(time);
    clock.requestFrame(draw);
  };
  clock.requestFrame(draw);
  browser.draw(1016);
  browser.draw(1032);
  assert.deepEqual(times, [1016, 1032]);
  assert.equal(clock.now(), 1032);
});

test('a cancelled frame is not drawn, also when the frame before it cancels it', () => {
  const browser = fakeBrowser();
  const clock = new FrameClock(browser);
  const drawn = [];
  const early = clock.requestFrame(() => drawn.push('early'));
  clock.requestFrame(() => clock.cancelFrame(late));
  const late = clock.requestFrame(() => drawn.push('late'));
  clock.cancelFrame(early);
  browser.draw(1016);
  assert.deepEqual(drawn, []);
});

test('held, only steps pass, and afterwards time goes on from there', () => {
  const browser = fakeBrowser();
  const clock = new FrameClock(browser);
  const times = [];
  const draw = (time) => {
    times.push(time);
    clock.requestFrame(draw);
  };
  clock.requestFrame(draw);
  clock.hold();
  browser.draw(9000);
  assert.deepEqual([times, clock.now(), clock.held], [[], 1000, true]);
  clock.step(40);
  clock.step(40);
  assert.deepEqual([times, clock.now()], [[1040, 1080], 1080]);
  clock.release();
  assert.deepEqual([clock.now(), clock.held], [1080, false]);
  browser.draw(9010);
  assert.equal(times.at(-1), 1090);
  clock.release(); // once more costs nothing
  assert.equal(clock.now(), 1090);
});

test('a frame that fails is reported, and the others are drawn', () => {
  const browser = fakeBrowser();
  const clock = new FrameClock(browser);
  const drawn = [];
  clock.requestFrame(() => {
    throw new Error('broken');
  });
  clock.requestFrame(() => drawn.push('the other'));
  browser.draw(1016);
  assert.deepEqual([drawn, browser.errors], [['the other'], ['broken']]);
});
