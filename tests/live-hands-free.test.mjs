// Hands-free: what goes up of an open microphone and what Python's decisions do, barge-in, half-duplex; the listener's face.
import assert from 'node:assert/strict';
import test, { beforeEach, mock } from 'node:test';

import { FakeElement, fakeDocument } from './fake-dom.mjs';

globalThis.window ??= new EventTarget();
globalThis.fetch = () => new Promise(() => {}); // the echo canceller never comes
const { BargeIn, CONFIRM_MS, INSISTENT_MS } = await import('../avatar_assets/web/live/barge-in.mjs');
const { HandsFree, choicesOf } = await import('../avatar_assets/web/live/hands-free.mjs');
const { ListenerFace } = await import('../avatar_assets/web/live/listener-face.mjs');

/** Every sequence of these of that length. */
function* sequences(names, length) {
  if (!length) yield [];
  else for (const rest of sequences(names, length - 1)) for (const name of names) yield [...rest, name];
}

test('after every sequence the voice is lowered only while it is not decided, and nothing is left behind [live.barge-in]', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  for (const names of sequences(['loud', 'louder', 'duck', 'stop', 'resume', 'time', 'reset'], 5)) {
    const log = [];
    const barge = new BargeIn({ voice: (how) => log.push(how), stop: () => log.push('stop'), falseAlarm: () => log.push('false') });
    for (const name of names) {
      if (name === 'loud') barge.suspect();
      else if (name === 'louder') barge.hearLoud(INSISTENT_MS);
      else if (name === 'time') mock.timers.tick(CONFIRM_MS);
      else if (name === 'reset') barge.reset();
      else barge.receive(name);
    }
    const voices = ['full', ...log.filter((one) => ['full', 'low', 'silent'].includes(one))];
    assert.ok(voices.every((how, index) => how !== voices[index - 1]), `${names.join()}: nothing is said twice`);
    assert.equal(barge.voice, voices.at(-1), names.join());
    assert.equal(log.filter((one) => one === 'stop').length, names.filter((name) => name === 'stop').length);
    if (['stop', 'resume', 'reset'].includes(names.at(-1))) assert.equal(barge.voice, 'full', names.join());
    const undecided = names.lastIndexOf('duck') > Math.max(...['stop', 'resume', 'reset'].map((name) => names.lastIndexOf(name)));
    if (undecided) assert.equal(barge.voice, 'silent', names.join());
    mock.timers.tick(10 * CONFIRM_MS);
    assert.equal(barge.voice, undecided ? 'silent' : 'full', `${names.join()}: loudness alone does not last`);
  }
  mock.timers.reset();
});

let button, controls, events, handsFree, log, microphone, sounding;

function build(kept = null) {
  globalThis.document = fakeDocument();
  globalThis.localStorage = { getItem: () => kept, setItem: (_, value) => log.push(['kept', value]) };
  controls = new FakeElement('div');
  [button, log, events, sounding] = [new FakeElement('button'), [], [], false];
  button.getAttribute = (name) => button.attributes[name];
  Object.defineProperty(button, 'parentElement', { get: () => Object.assign(controls, { after: (row) => (controls.row = row) }) });
  microphone = { sampleRate: 16_000, cancelsEcho: true };
  const note = (name) => (...details) => void events.push([name, ...details]);
  const calls = ['switched', 'user', 'fault', 'voice', 'stop', 'act', 'words', 'answered', 'nothing', 'remark'];
  handsFree = new HandsFree(button, microphone, async (message, data) => (log.push({ ...message, data }), ''), {
    ...Object.fromEntries(calls.map((name) => [name, note(name)])),
    tap: () => {},
    isSounding: () => sounding,
    hasFloor: () => sounding,
  });
}
const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
};
const told = (type) => log.filter((message) => message.type === type);
const hear = (rms, ms = 20) => {
  let deaf = false;
  for (let at = 0; at < ms; at += 20) deaf = handsFree.hear(new Float32Array(320).fill(rms), false);
  return deaf;
};
const current = () => told('listening').findLast(({ on }) => on)?.listening;
const python = (event) => handsFree.receive({ listening: current(), ...event });
const said = (...names) => events.filter(([name]) => names.includes(name));

beforeEach(() => build());

async function on() {
  handsFree.begin();
  await settled();
  events.length = 0;
}

test('a voice over the persona lowers it within 40 ms of sound; Python takes it back or stops it [live.duck]', async () => {
  await on();
  hear(0.0003, 1000);
  sounding = true;
  hear(0.1, 40);
  assert.deepEqual(events, [['voice', 'low']]);
  hear(0.1, 80);
  assert.deepEqual(events.at(-1), ['voice', 'silent']);
  python({ type: 'barge', action: 'duck' });
  python({ type: 'barge', action: 'resume' });
  assert.deepEqual(events.at(-1), ['voice', 'full']);
  python({ type: 'barge', action: 'duck' });
  python({ type: 'barge', action: 'stop' });
  assert.deepEqual(events.slice(-3), [['voice', 'silent'], ['stop'], ['voice', 'full']]);
  python({ type: 'user', state: 'ended', turn: 't-9', text: 'Hello?' });
  assert.deepEqual(events.slice(-2), [['answered', 't-9', 'Hello?'], ['user', 'silent']]);
});

test('who does not want to be heard while they speak sends silence until the loudspeaker is still, and lowers nothing [live.half-duplex]', async () => {
  build('{"on":false,"halfDuplex":true}');
  await on();
  hear(0.0003, 1000);
  sounding = true;
  assert.equal(hear(0.5, 400), true);
  sounding = false;
  assert.equal(hear(0.5, 280), true);
  assert.equal(hear(0.5, 80), false);
  await settled();
  assert.deepEqual(said('voice'), []);
  const frames = told('heard').flatMap(({ data }) => [...data]);
  assert.ok(frames.slice(16_000, 16_000 + 0.6 * 16_000).every((sample) => sample === 0));
});

test('a device without echo cancellation is not listened to while they speak, unless the user wants it [live.half-duplex]', async () => {
  const box = () => controls.row.children[1].children[0];
  microphone.cancelsEcho = false;
  handsFree.begin();
  assert.equal(box().checked, true);
  assert.match(said('remark')[0][1], /Untick/);
  handsFree.end();
  handsFree.begin();
  assert.equal(said('remark').length, 1);
  box().checked = false;
  box().dispatchEvent(new Event('change'));
  assert.deepEqual(JSON.parse(log.findLast(Array.isArray)[1]), { on: false, halfDuplex: false });
  handsFree.begin();
  assert.equal(box().checked, false);
  build('{"halfDuplex":false}');
  microphone.cancelsEcho = false;
  handsFree.begin();
  assert.deepEqual([box().checked, said('remark')], [false, []]);
});

test('the choice is kept, the user’s only; what somebody else wrote there is not believed', () => {
  button.attributes['aria-checked'] = 'true'; // the switch was told what the user wants
  button.click();
  assert.deepEqual(events, [['switched']]);
  assert.deepEqual(JSON.parse(log.findLast(Array.isArray)[1]), { on: true, halfDuplex: null });
  for (const odd of [null, '', '{', '7', 'null', '{"on":"yes","halfDuplex":1}']) assert.deepEqual(choicesOf(odd), { on: false, halfDuplex: null });
});

test('what was begun when the device vanished is understood to its end: silence follows, and nothing new is begun meanwhile [live.device-vanishes]', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  await on();
  hear(0.1, 800);
  handsFree.finish();
  await settled();
  const listened = told('heard').flatMap(({ data }) => [...data]);
  assert.ok(listened.length >= 16_000 * 3.6);
  assert.ok(listened.slice(-40_000).every((sample) => sample === 0));
  assert.equal(told('listening').filter(({ on }) => !on).length, 0);
  handsFree.begin(); // the page is seen again
  await settled();
  assert.equal(told('listening').length, 1);
  python({ type: 'user', state: 'ended', turn: 't-1', text: 'Hello?' });
  assert.deepEqual(said('answered'), [['answered', 't-1', 'Hello?']]);
  events.length = 0;
  handsFree.finish();
  mock.timers.tick(60_000);
  assert.deepEqual(events, [['user', 'silent']], 'Python does not answer');
  handsFree.end();
  await settled();
  assert.equal(told('listening').filter(({ on }) => !on).length, 1);
  mock.timers.reset();
});

test('events of a microphone that was closed are not heeded; a fault of this one is told', async () => {
  await on();
  handsFree.receive({ type: 'user', listening: 'another', state: 'ended', turn: 't-1', text: 'x' });
  handsFree.receive({ type: 'barge', listening: 'another', action: 'stop' });
  assert.deepEqual(events, []);
  python({ type: 'listening', notice: 'It broke.', ended: true });
  assert.deepEqual(events, [['fault', 'It broke.']]);
});

test('the words so far are shown, also while the user goes on, and forgotten where they want no answer [live.hands-free]', async () => {
  await on();
  python({ type: 'user', state: 'speaking', text: 'Where' });
  python({ type: 'user', state: 'pausing', text: 'Where is' });
  assert.deepEqual(events, [['words', 'Where'], ['user', 'speaking'], ['words', 'Where is'], ['user', 'pausing']]);
  python({ type: 'user', state: 'dropped' });
  assert.deepEqual(events.slice(-2), [['nothing'], ['user', 'silent']]);
});

test('the row says what the user does, for how long, and is there only while it is switched on', () => {
  handsFree.show({ switched: true, mine: 'speaking', mineWords: 'You: speaking' }, '0:07');
  const [mine] = controls.row.children;
  assert.deepEqual([mine.textContent, mine.dataset.state, button.attributes['aria-checked'], controls.row.hidden], ['You: speaking 0:07', 'speaking', 'true', false]);
  handsFree.show({ switched: false, mine: 'silent', mineWords: 'You: silent' }, '');
  assert.deepEqual([button.attributes['aria-checked'], controls.row.hidden], ['false', true]);
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
