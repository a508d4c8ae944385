// Hands-free: switch, microphone, status and what Python hears never disagree, after every sequence of events; barge-in; the listener's face.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { FakeElement, fakeDocument } from './fake-dom.mjs';

globalThis.window ??= new EventTarget();
const { BargeIn, CONFIRM_MS } = await import('../avatar_assets/web/live/barge-in.mjs');
const { HandsFree, choicesOf } = await import('../avatar_assets/web/live/hands-free.mjs');
const { ListenerFace } = await import('../avatar_assets/web/live/listener-face.mjs');

/** Every sequence of these of that length. */
function* sequences(names, length) {
  if (!length) yield [];
  else for (const rest of sequences(names, length - 1)) for (const name of names) yield [...rest, name];
}

test('after every sequence the voice is lowered only while it is not decided, and nothing is left behind [live.barge-in]', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  for (const names of sequences(['loud', 'duck', 'stop', 'resume', 'time', 'reset'], 5)) {
    const log = [];
    const barge = new BargeIn({ duck: (on) => log.push(on), stop: () => log.push('stop'), falseAlarm: () => log.push('false') });
    for (const name of names) {
      if (name === 'loud') barge.suspect();
      else if (name === 'time') mock.timers.tick(CONFIRM_MS);
      else if (name === 'reset') barge.reset();
      else barge.receive(name);
    }
    const ducks = log.filter((one) => typeof one === 'boolean');
    ducks.forEach((on, index) => assert.equal(on, index % 2 === 0, names.join()));
    assert.equal(barge.isDucked, ducks.at(-1) ?? false, names.join());
    assert.equal(log.filter((one) => one === 'stop').length, names.filter((name) => name === 'stop').length);
    if (['stop', 'resume', 'reset'].includes(names.at(-1))) assert.equal(barge.isDucked, false, names.join());
    const undecided = names.lastIndexOf('duck') > Math.max(...['stop', 'resume', 'reset'].map((name) => names.lastIndexOf(name)));
    mock.timers.tick(10 * CONFIRM_MS);
    assert.equal(barge.isDucked, undecided, `${names.join()}: loudness alone does not last`);
  }
  mock.timers.reset();
});

let button, events, granted, handsFree, log, microphone, recording, sounding;

async function build(kept = null) {
  globalThis.document = fakeDocument();
  document.hidden = false;
  globalThis.localStorage = { getItem: () => kept, setItem: (_, value) => log.push(['kept', value]) };
  const controls = new FakeElement('div');
  [button, log, events, granted, recording, sounding] = [new FakeElement('button'), [], [], true, false, false];
  controls.append(button);
  Object.defineProperty(button, 'parentElement', { get: () => Object.assign(controls, { after: (row) => (controls.row = row) }) });
  microphone = {
    sampleRate: 16_000,
    kept: false,
    open: async () => {
      if (!granted) throw new Error('no');
    },
    keep: (on) => (microphone.kept = on),
  };
  const note = (name) => (...details) => void events.push([name, ...details]);
  handsFree = new HandsFree(button, microphone, async (message) => (log.push(message), ''), {
    isRecording: () => recording,
    isSounding: () => sounding,
    hasFloor: () => sounding,
    duck: note('duck'),
    stop: note('stop'),
    act: note('act'),
    words: note('words'),
    answered: note('answered'),
    nothing: note('nothing'),
    remark: note('remark'),
    level: () => {},
    changed: () => {},
  });
  return controls;
}
const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
};
const told = (type) => log.filter((message) => message.type === type);
const checked = () => button.attributes['aria-checked'] === 'true';
const hide = (hidden) => {
  document.hidden = hidden;
  document.dispatchEvent(new Event('visibilitychange'));
};
const hear = (rms, ms = 20) => {
  for (let at = 0; at < ms; at += 20) handsFree.hear(new Float32Array(320).fill(rms), rms);
};
const current = () => told('listening').findLast(({ on }) => on)?.listening;
const python = (event) => handsFree.receive({ listening: current(), ...event });

beforeEach(() => build());

const STEPS = {
  click: () => button.click(),
  deny: () => (granted = false),
  hide: () => hide(true),
  show: () => hide(false),
  gone: () => handsFree.switchOff(),
  fault: () => python({ type: 'listening', notice: 'It broke.', ended: true }),
  forgotten: () => handsFree.restart(),
  button: () => {
    recording = !recording;
    hear(0, 100);
  },
  speaking: () => python({ type: 'user', state: 'speaking' }),
  settle: settled,
};

test('switch, microphone and Python agree after every sequence of events [live.switch]', async () => {
  for (const names of sequences(Object.keys(STEPS), 3)) {
    const controls = await build();
    for (const name of names) await STEPS[name]();
    await settled();
    hear(0); // the next sound settles it
    await settled();
    const why = names.join();
    assert.equal(handsFree.isOn, checked(), why);
    assert.equal(controls.row.hidden, !checked(), why);
    assert.equal(microphone.kept, checked(), why);
    const open = new Set();
    for (const { listening, on } of told('listening')) on ? open.clear() || open.add(listening) : open.delete(listening);
    assert.equal(open.size, checked() && !recording ? 1 : 0, `${why}: what Python hears`);
    if (!checked()) assert.equal(handsFree.isUserSpeaking, false, why);
  }
});

test('the choice is kept, the user’s only; what somebody else wrote there is not believed', async () => {
  button.click();
  await settled();
  hide(true);
  const kept = log.filter((one) => Array.isArray(one));
  assert.deepEqual(kept.map(([, value]) => JSON.parse(value)), [{ on: true, halfDuplex: false }]);
  assert.match(events.at(-1)[1], /hidden/);
  for (const odd of [null, '', '{', '7', 'null', '{"on":"yes","halfDuplex":1}']) assert.deepEqual(choicesOf(odd), { on: false, halfDuplex: false });
});

test('it goes on as it was left only where nobody is asked for the microphone', async () => {
  for (const [state, on] of [['granted', true], ['prompt', false]]) {
    await build('{"on":true}');
    Object.defineProperty(globalThis, 'navigator', { value: { permissions: { query: async () => ({ state }) } }, configurable: true });
    await handsFree.restore();
    assert.equal(handsFree.isOn, on);
  }
});

async function on() {
  button.click();
  await settled();
}

test('a voice over the persona lowers it within 40 ms of sound; Python takes it back or stops it [live.duck]', async () => {
  await on();
  hear(0.0003, 1000);
  sounding = true;
  hear(0.1, 40);
  assert.deepEqual(events.filter(([name]) => name !== 'nothing'), [['duck', true]]);
  python({ type: 'barge', action: 'duck' });
  python({ type: 'barge', action: 'resume' });
  assert.deepEqual(events.at(-1), ['duck', false]);
  python({ type: 'barge', action: 'duck' });
  python({ type: 'barge', action: 'stop' });
  assert.deepEqual(events.slice(-3), [['duck', true], ['stop'], ['duck', false]]);
  python({ type: 'user', state: 'ended', turn: 't-9', text: 'Hello?' });
  assert.deepEqual(events.at(-1), ['answered', 't-9', 'Hello?']);
});

test('who does not want to be heard while they speak sends silence meanwhile, and lowers nothing', async () => {
  const controls = await build('{"on":false,"halfDuplex":true}');
  controls.row.children[1].children[0].checked = true;
  await on();
  hear(0.0003, 1000);
  sounding = true;
  hear(0.5, 400);
  await settled();
  assert.ok(!events.some(([name]) => name === 'duck'));
  assert.ok(told('heard').at(-1).audible.includes(true));
});

test('a microphone that the system mutes says so, until it is given back', async () => {
  const controls = await build();
  await on();
  const [mine] = controls.row.children;
  handsFree.mute(true);
  assert.match(mine.textContent, /muted/);
  handsFree.mute(false);
  assert.equal(mine.textContent, 'You: silent');
});

test('events of a microphone that was closed are not heeded', async () => {
  await on();
  handsFree.receive({ type: 'user', listening: 'another', state: 'ended', turn: 't-1', text: 'x' });
  handsFree.receive({ type: 'barge', listening: 'another', action: 'stop' });
  assert.ok(events.every(([name]) => name === 'nothing'));
});

test('the words so far are shown, and forgotten where they want no answer', async () => {
  await on();
  python({ type: 'user', state: 'pausing', text: 'Where is' });
  assert.deepEqual([events.at(-1), handsFree.isUserSpeaking], [['words', 'Where is'], true]);
  python({ type: 'user', state: 'dropped' });
  assert.deepEqual([events.at(-1), handsFree.isUserSpeaking], [['nothing'], false]);
});

test('a nod comes within 200 ms of a pause, not at every one and not for a cough; brows rise at a question, once [live.face]', () => {
  const acts = [];
  const face = new ListenerFace((name) => acts.push(name));
  const speak = (ms) => face.hear({ silentMs: 0, loudMs: ms }, ms, true);
  const pause = (loudMs, listening = true) => {
    for (let silentMs = 20; silentMs <= 400; silentMs += 20) {
      const before = acts.length;
      face.hear({ silentMs, loudMs }, 20, listening);
      if (acts.length > before) return silentMs;
    }
    return null;
  };
  speak(200);
  assert.equal(pause(200), null);
  speak(3000);
  const after = pause(3200);
  assert.ok(after > 100 && after < 200, `${after} ms`);
  speak(500);
  assert.equal(pause(3700), null, 'so soon');
  for (let time = 0; time < 5; time++) {
    speak(3000);
    pause(3000);
  }
  assert.deepEqual(acts, ['nod', 'nod', 'hum', 'nod', 'nod', 'hum']);
  speak(3000);
  assert.equal(pause(3000, false), null, 'the persona speaks');
  for (const text of ['Are you there?', 'Are you there?', 'Yes.', '你在吗？']) face.read(text);
  assert.deepEqual(acts.slice(6), ['ask', 'ask']);
});
