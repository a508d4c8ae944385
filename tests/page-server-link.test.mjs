// Server link: what breaks off is taken up where it was, nothing is handed on twice, and a message arrives or its sender is told; on a virtual clock.
import assert from 'node:assert/strict';
import test, { afterEach, beforeEach, mock } from 'node:test';

import { FrameReader, frame } from '../avatar_assets/web/page/frames.mjs';

let asked, beacons, heard, link, messages, refusal, ServerLink, streams;

const settle = async () => {
  for (let index = 0; index < 40; index++) await Promise.resolve();
};
const pass = async (ms) => {
  for (let at = 0; at < ms; at += 50) {
    mock.timers.tick(50);
    await settle();
  }
};

/** The server's end of one stream. */
class Stream {
  constructor(signal) {
    this.body = new ReadableStream({ start: (controller) => (this.controller = controller) });
    signal.addEventListener('abort', () => this.drop());
  }

  async say(...sent) {
    for (const one of sent) this.controller.enqueue(one instanceof Uint8Array ? one : frame(one));
    await settle();
  }

  async drop(error = new TypeError('network error')) {
    if (this.over) return;
    this.over = true;
    this.controller.error(error);
    await settle();
  }

  async end() {
    this.over = true;
    this.controller.close();
    await settle();
  }
}

const answer = (status, value) => ({ ok: status === 200, status, json: async () => value });

beforeEach(async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  mock.method(performance, 'now', () => Date.now());
  globalThis.reportError = () => {};
  mock.method(AbortSignal, 'timeout', () => undefined);
  globalThis.window = new EventTarget();
  Object.defineProperty(globalThis, 'navigator', { value: { sendBeacon: (_, body) => beacons.push(body) }, configurable: true });
  [asked, beacons, heard, messages, refusal, streams] = [[], [], [], [], null, []];
  globalThis.fetch = async (url, { body, signal }) => {
    const [message] = new FrameReader().push(body);
    const isStream = String(url).endsWith('/api/stream');
    (isStream ? asked : messages).push(message);
    const refused = refusal?.(isStream);
    if (refused) return refused;
    if (!isStream) return answer(200, { problem: '' });
    streams.push(new Stream(signal));
    return { ok: true, status: 200, body: streams.at(-1).body };
  };
  ({ ServerLink } = await import('../avatar_assets/web/page/server-link.mjs'));
  const note = (name) => (told) => heard.push(told ?? name);
  const on = { onUnreachable: note(), onReached: note('reached'), onForgotten: note('forgotten'), onRestarted: note('restarted') };
  link = new ServerLink({ ...on, onEvent: ({ type }) => heard.push(type), persona: () => 'sam' });
  link.run();
  await settle();
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

const open = (known = true, process = 'p') => ({ type: 'open', known, process });
const event = (number, type = `e${number}`) => ({ type, number });
const stream = () => streams.at(-1);

test('the page makes a secret of 128 bits and says who is on the stage', async () => {
  assert.match(asked[0].session, /^[0-9a-f]{32}$/);
  assert.deepEqual({ ...asked[0], session: '' }, { session: '', after: 0, persona: 'sam', once: false });
  await stream().say(open(false), { type: 'status' }, event(1));
  assert.deepEqual(heard, ['reached', 'status', 'e1']);
});

test('a stream that breaks off is opened again behind the last event, and what comes twice is handed on once [stream.resume]', async () => {
  await stream().say(open(false), event(1), event(2));
  await stream().drop();
  assert.equal(asked[1].after, 2);
  assert.equal(asked[1].session, asked[0].session);
  await stream().say(open(), event(2), event(3));
  assert.deepEqual(heard.filter((one) => one[0] === 'e'), ['e1', 'e2', 'e3']);
  assert.ok(!heard.includes('forgotten'));
});

test('a stream that ends in time is opened again without a word', async () => {
  await stream().say(open(false));
  await stream().end();
  await stream().say(open());
  assert.deepEqual(heard, ['reached', 'reached']);
});

test('a frame that was cut in the middle comes anew with the next connection', async () => {
  await stream().say(open(false), frame(event(1)).subarray(0, 11));
  await stream().drop();
  await stream().say(open(), event(1));
  assert.deepEqual(heard, ['reached', 'reached', 'e1']);
});

test('silence for 15 s is a dead connection; a keep-alive is none', async () => {
  await stream().say(open(false));
  for (let index = 0; index < 4; index++) {
    await pass(10_000);
    await stream().say(new Uint8Array(8));
  }
  assert.equal(asked.length, 1);
  await pass(15_100);
  assert.equal(asked.length, 2);
  assert.equal(asked[1].once, false);
});

test('where nothing arrives at first, a proxy may hold the stream back: then one is asked for that ends; and in turn', async () => {
  await pass(6_200);
  assert.deepEqual(asked.map(({ once }) => once), [false, true]);
  await stream().say(open(false));
  await stream().end();
  assert.equal(asked[2].once, true);
  await pass(15_200);
  assert.equal(asked[3].once, false);
});

test('a gap in the numbers, or a server that does not know the page any more, is said', async () => {
  await stream().say(open(false), event(1), event(5), event(6));
  assert.deepEqual(heard, ['reached', 'e1', 'forgotten', 'e5', 'e6']);
  await stream().drop();
  await stream().say(open(false), event(1, 'new'));
  assert.deepEqual(heard.slice(5), ['forgotten', 'reached', 'new']);
});

test('another server is said', async () => {
  await stream().say(open(false));
  await stream().drop();
  await stream().say(open(false, 'another'));
  assert.deepEqual(heard, ['reached', 'restarted', 'reached']);
});

test('while nobody answers the user is told, and attempts become rarer', async () => {
  await stream().say(open(false));
  refusal = () => Promise.reject(new TypeError('Failed to fetch'));
  await stream().drop();
  assert.deepEqual(heard, ['reached'], 'a hiccup');
  await pass(30_000);
  assert.match(heard.at(-1), /does not answer/);
  assert.ok(asked.length > 8 && asked.length < 20, `${asked.length} attempts`);
  refusal = null;
  await pass(3_000);
  await stream().say(open());
  assert.equal(heard.at(-1), 'reached');
});

test('what the server says when it has no room is shown', async () => {
  refusal = () => answer(503, { problem: 'Everybody is taken.' });
  await stream().drop();
  await pass(2_000);
  assert.equal(heard.at(-1), 'Everybody is taken.');
});

test('a listener that fails costs no other event', async () => {
  const failing = new ServerLink({ onEvent: () => { throw new Error('oh'); }, onReached() {}, persona: () => '' });
  failing.run();
  await settle();
  await stream().say(open(false), event(1), event(2));
  await stream().drop();
  assert.equal(asked.at(-1).after, 2);
});

test('a message waits for the stream, and its problem is handed back', async () => {
  const sent = link.send({ type: 'greet', turn: 't' });
  await settle();
  assert.deepEqual(messages, []);
  refusal = () => answer(200, { problem: 'No.' });
  await stream().say(open(false));
  assert.equal(await sent, 'No.');
  assert.deepEqual(messages, [{ persona: 'sam', type: 'greet', turn: 't', session: asked[0].session }]);
});

test('a message that was not answered is sent again, the same; in the end its sender is told', async () => {
  await stream().say(open(false));
  let failures = 2;
  refusal = () => (failures-- > 0 ? Promise.reject(new TypeError('Failed to fetch')) : answer(200, { problem: '' }));
  const sent = link.send({ type: 'utterance', turn: 't', text: 'Hello' });
  await pass(1_000);
  assert.equal(await sent, '');
  assert.equal(messages.length, 3);
  assert.deepEqual(new Set(messages.map((one) => JSON.stringify(one))).size, 1);
  const back = Date.now() + 25_000;
  refusal = (isStream) => (isStream ? null : Date.now() < back ? Promise.reject(new TypeError('Failed to fetch')) : answer(200, { problem: '' }));
  const late = link.send({ type: 'utterance', turn: 'u', text: 'Hello?' });
  for (let time = 0; time < 6; time++) {
    await pass(5_000);
    await stream().say(new Uint8Array(8)); // the stream is alive
  }
  assert.equal(await late, '');
  refusal = () => Promise.reject(new TypeError('Failed to fetch'));
  const lost = link.send({ type: 'cleared' });
  await pass(61_000);
  assert.match(await lost, /does not answer/);
});

test('a page that the server has forgotten opens its stream anew before it sends again', async () => {
  await stream().say(open(false));
  let times = 1;
  refusal = (isStream) => (isStream || times-- <= 0 ? null : answer(410, { problem: 'Over.' }));
  const sent = link.send({ type: 'utterance', turn: 't' });
  await settle();
  assert.equal(asked.length, 2);
  await stream().say(open(false));
  await pass(300);
  assert.equal(await sent, '');
});

test('a page that is closed says so and opens nothing more, one that may come back does not [stream.leave]', async () => {
  window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
  assert.equal(beacons.length, 0);
  window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
  assert.equal(new FrameReader().push(beacons[0])[0].type, 'leave');
  await pass(30_000);
  assert.equal(asked.length, 1);
});
