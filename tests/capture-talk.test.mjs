// Talk: after every sequence of what users, devices and pages do, the devices are as the state says; on a fake microphone and plain elements.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { FakeElement, fakeDocument } from './fake-dom.mjs';
import { PIECE, RATE, device } from './fake-microphone.mjs';

globalThis.window ??= new EventTarget();
const { Talk } = await import('../avatar_assets/web/capture/talk.mjs');
const { isRecording } = await import('../avatar_assets/web/capture/talk-state.mjs');

let button, channels, events, made, messages, refused, row, shown, switcher, talk, taken;

globalThis.BroadcastChannel = class {
  constructor() {
    channels.push(this);
  }
  postMessage(message) {
    for (const other of channels) if (other !== this) other.onmessage?.({ data: message });
  }
};

function build() {
  Object.assign(globalThis, { document: Object.assign(fakeDocument(), { hidden: false }), window: new EventTarget() });
  globalThis.localStorage = { getItem: () => null, setItem() {} };
  made = device({ refuse: () => refused });
  [button, switcher] = [new FakeElement('button'), new FakeElement('button')];
  button.setPointerCapture = () => {};
  switcher.getAttribute = (name) => switcher.attributes[name];
  const controls = Object.assign(new FakeElement('div'), { after: (element) => (row = element) });
  Object.defineProperty(switcher, 'parentElement', { get: () => controls });
  [channels, events, messages, refused, taken, shown] = [[], [], [], null, [], []];
  const quiet = Object.fromEntries(['voice', 'tap', 'stop', 'act', 'words', 'nothing'].map((name) => [name, () => {}]));
  talk = new Talk({ talk: button, 'hands-free': switcher }, async (message) => (messages.push(message), ''), {
    ...quiet,
    pressed: () => events.push('pressed'),
    recording: () => events.push('recording'),
    take: (recording, note) => taken.push([recording, note]),
    status: (status, words) => (shown = [status, words]),
    level: () => {},
    remark: (sentence) => events.push(sentence),
    answered: (turn) => events.push(`answered ${turn}`),
    isSounding: () => false,
    hasFloor: () => false,
  });
  talk.dispatch({ type: 'loaded' });
}
const settled = async () => {
  for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
};
const listening = () => {
  const open = new Set();
  for (const { type, listening: id, on } of messages) {
    if (type === 'listening') on ? open.clear() || open.add(id) : open.delete(id);
  }
  return [...open];
};
const python = (event) => talk.receive({ listening: listening()[0], type: 'user', text: null, ...event });
const see = (hidden) => {
  document.hidden = hidden;
  document.dispatchEvent(new Event('visibilitychange'));
};
const point = (type) => button.dispatchEvent(Object.assign(new Event(type), { button: 0, pointerId: 1, detail: 1 }));

mock.timers.enable({ apis: ['setTimeout'] }); // nothing happens by itself
beforeEach(() => build());

const STEPS = {
  click: () => switcher.click(),
  down: () => point('pointerdown'),
  up: () => point('pointerup'),
  hold: () => made.nodes.length && made.light() && made.hear(10),
  refuse: () => (refused = 'NotAllowedError'),
  allow: () => (refused = null),
  hide: () => see(true),
  show: () => see(false),
  gone: () => made.tracks.findLast(({ readyState }) => readyState === 'live')?.onended?.(),
  plugged: () => navigator.mediaDevices.dispatchEvent(new Event('devicechange')),
  speaking: () => python({ state: 'speaking' }),
  ended: () => python({ state: 'ended', turn: 't-1' }),
  fault: () => talk.receive({ type: 'listening', listening: listening()[0], notice: 'It broke.', ended: true }),
  typed: () => talk.dispatch({ type: 'typed' }),
  tab: () => channels[0]?.onmessage({ data: 'here' }),
  settle: settled,
};

test('after every three things that happen, button, switch, microphone, status and what Python hears agree [live.switch] [talk.one-state]', async () => {
  const names = Object.keys(STEPS);
  for (const first of ['click', 'down', 'hide', 'refuse']) {
    for (const second of names) {
      for (const third of names) {
        for (const fourth of ['hold', 'gone', 'click', 'up', 'show', 'ended']) {
          build();
          for (const name of [first, 'settle', second, third, 'settle', fourth]) await STEPS[name]();
          await settled();
          const { state } = talk;
          const why = [first, second, third, fourth].join();
          assert.equal(switcher.attributes['aria-checked'], String(state.hands !== 'off'), why);
          assert.equal(button.dataset.mode, state.button, why);
          assert.equal(isRecording(state), /to send/.test(button.textContent), why);
          if (isRecording(state) || state.hands === 'on') assert.equal(made.light(), true, `${why}: the light`);
          assert.equal(listening().length, state.hands === 'on' && state.button === 'rest' || state.finishing ? 1 : 0, `${why}: what Python hears`);
          assert.equal(shown[0] === 'listening', isRecording(state) || (state.user !== 'silent' && !state.trouble), why);
        }
      }
    }
  }
});

async function hold(pieces) {
  point('pointerdown');
  await settled();
  made.hear(pieces);
}

test('unplugged during a recording, what there is is sent, and it is said; too little is said to be lost [talk.device-vanishes]', async () => {
  await hold(10);
  made.tracks[0].onended();
  assert.equal(taken[0][0].pcm.length, 10 * PIECE);
  assert.match(taken[0][1], /unplugged.*was sent\.$/);
  assert.deepEqual([button.dataset.mode, made.light()], ['rest', false]);
  point('pointerup'); // the finger comes up later
  assert.deepEqual([taken.length, shown[0]], [1, 'idle']);
  await hold(1);
  made.tracks[1].onended();
  assert.deepEqual([taken.length, shown[0]], [1, 'failed']);
  assert.match(shown[1], /unplugged.*try again\.$/);
});

test('unplugged while somebody speaks hands-free, Python hears the rest as silence and answers; it goes on with the next device [live.device-vanishes]', async () => {
  switcher.click();
  await settled();
  made.hear(4);
  python({ state: 'speaking' });
  made.tracks[0].onended();
  await settled();
  assert.deepEqual([talk.state.finishing, made.light(), listening().length], [true, false, 1]);
  python({ state: 'ended', turn: 't-1' });
  await settled();
  assert.ok(events.includes('answered t-1'));
  assert.deepEqual([listening().length, shown[0]], [0, 'failed']);
  assert.match(shown[1], /goes on as soon as/);
  made.inputs = 0;
  navigator.mediaDevices.dispatchEvent(new Event('devicechange')); // that it has gone
  await settled();
  assert.match(shown[1], /goes on as soon as/);
  made.inputs = 1;
  navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  await settled();
  assert.deepEqual([listening().length, shown[1], made.light()], [1, 'Ready: just speak', true]);
});

test('typing ends the recording, and says so [talk.typing-ends]', async () => {
  await hold(20);
  talk.dispatch({ type: 'typed' });
  assert.deepEqual([button.dataset.mode, taken.length], ['rest', 0]);
  assert.match(shown[1], /dropped, for you are typing/);
  point('pointerup');
  assert.equal(taken.length, 0);
});

test('a recording may last so long, then it is sent and the reason with it', async () => {
  talk.longestMs = 2000;
  await hold(100);
  assert.match(taken[0][1], /^A recording can last 2 seconds.*was sent\.$/);
  assert.equal(taken[0][0].pcm.length, 2 * RATE);
});

test('the time that one has been speaking is shown [talk.elapsed]', async () => {
  await hold(1);
  assert.equal(button.dataset.elapsed, '0:00');
  made.hear(20 * 62);
  talk.dispatch({ type: 'persona', doing: 'thinking' }); // something else meanwhile
  assert.equal(button.dataset.elapsed, '1:02');
  talk.dispatch({ type: 'release', tap: false });
  assert.equal(button.dataset.elapsed, '');
  switcher.click();
  await settled();
  made.hear(40);
  python({ state: 'speaking' });
  made.hear(61);
  assert.equal(row.children[0].textContent, 'You: speaking 0:03');
  python({ state: 'dropped' });
  assert.equal(row.children[0].textContent, 'You: silent');
});

test('of two tabs the one where it was switched on last listens, the other says so [talk.second-tab]', async () => {
  switcher.click();
  await settled();
  const first = { talk, shown: () => shown };
  channels[0].onmessage({ data: 'here' });
  await settled();
  assert.deepEqual([first.talk.state.hands, listening().length], ['off', 0]);
  assert.match(first.shown()[1], /Another tab/);
  assert.equal(events.at(-1), first.shown()[1]);
  globalThis.BroadcastChannel = new Proxy(BroadcastChannel, { construct: () => { throw new Error('SecurityError'); } });
  build(); // inside another page that may not
  switcher.click();
  await settled();
  assert.equal(talk.state.hands, 'on');
});

test('each refusal is a sentence, also while the persona speaks, and the next try is free [talk.microphone-errors]', async () => {
  for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'AbortError']) {
    build();
    refused = name;
    talk.dispatch({ type: 'persona', doing: 'speaking' });
    switcher.click();
    await settled();
    assert.deepEqual([shown[0], talk.state.hands, events.at(-1)], ['failed', 'off', shown[1]]);
    refused = null;
    await hold(20);
    point('pointerup');
    assert.equal(talk.state.button === 'tapped' || taken.length === 1, true);
  }
});

test('it goes on as it was left only where nobody is asked for the microphone', async () => {
  for (const [state, hands] of [['granted', 'on'], ['prompt', 'off']]) {
    globalThis.localStorage.getItem = () => '{"on":true}';
    const kept = globalThis.localStorage;
    build();
    globalThis.localStorage = kept;
    made = device({ permissions: { query: async () => ({ state }) } });
    talk = new Talk({ talk: button, 'hands-free': switcher }, async () => '', { status() {}, level() {}, remark() {}, nothing() {}, voice() {}, tap() {}, isSounding: () => false, hasFloor: () => false });
    await talk.restore();
    await settled();
    assert.equal(talk.state.hands, hands);
  }
});
