// Roster and avatar views, drawn in 2-D without a browser: who looks, speaks and leaves; what is told; how much a lively person moves.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

class Element {
  attributes = {};
  children = [];
  dataset = {};
  classList = { toggle() {} };
  clientWidth = 300;
  clientHeight = 400;
  append(...nodes) {
    for (const node of nodes) this.appendChild(node);
  }
  appendChild(node) {
    this.children.push(node);
    node.parent = this;
    return node;
  }
  replaceChildren() {
    this.children = [];
  }
  remove() {
    this.parent.children = this.parent.children.filter((node) => node !== this);
  }
  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }
  querySelectorAll() {
    return [];
  }
  /** All that lies below. */
  get all() {
    return this.children.flatMap((child) => [child, ...child.all]);
  }
}

globalThis.document = { createElement: () => new Element(), createElementNS: () => new Element() };
globalThis.matchMedia = () => ({ matches: false });
globalThis.requestAnimationFrame = globalThis.cancelAnimationFrame = () => 0;
const { clock } = await import('../avatar_assets/web/playback/frame-clock.mjs');
const { Roster } = await import('../avatar_assets/web/avatar/roster.mjs');
const { AvatarView } = await import('../avatar_assets/web/avatar/avatar-view.mjs');
const { Face2D } = await import('../avatar_assets/web/avatar2d/face2d.mjs');
const { VrmAnimation } = await import('../avatar_assets/web/avatar/vrm-animation.mjs');
const { followOptions, movementOf } = await import('../avatar_assets/web/acting/gestures.mjs');
const { timelineOf } = await import('../avatar_assets/web/lipsync/viseme-curves.mjs');

const MAYA = { id: 'maya', name: 'Maya', avatar: 'mia', mood: 'neutral', colour: '#3a7f86', liveliness: 1 };
const SAM = { ...MAYA, id: 'sam', name: 'Sam', avatar: 'leo' };
const DRAWN = { modules: 'local', drawn: true, voice: null };
const VOWEL = timelineOf({ visemes: ['aa'], vtimes: [0], vdurations: [1000] });

let host, roster, sounding, told;

beforeEach(async () => {
  if (!clock.held) clock.hold();
  host = new Element();
  sounding = [];
  told = [];
  roster = new Roster(host, {
    sounding: () => sounding,
    onFace: (face, reason, seat) => told.push([face, reason, seat]),
    onFile: (event) => told.push(event),
  });
  await roster.open(DRAWN);
  await roster.show(MAYA);
});

/** Time passes frame by frame. */
function pass(ms) {
  for (let at = 0; at < ms; at += 20) clock.step(20);
}

/** Where a drawn face's eyes look, in px to the right. */
function gaze(element) {
  const ball = element.all.find(({ attributes, children }) => /^translate\(-?[\d.]+ -?[\d.]+\)$/.test(attributes.transform ?? '') && children.length === 3);
  return Number(/\((-?[\d.]+)/.exec(ball.attributes.transform)[1]);
}

const seat = (name) => host.children.find(({ dataset }) => dataset.seat === name);

test('who does not speak looks at who does, and each has the mouth of their own words', async () => {
  await roster.invite(SAM);
  assert.deepEqual(roster.people, [['first', 'Maya'], ['second', 'Sam']]);
  for (const [speaker, listener, side] of [['second', 'first', 1], ['first', 'second', -1]]) {
    roster.setState('idle', speaker);
    sounding = [{ segment: { seat: speaker, timeline: VOWEL }, ms: 500 }];
    pass(2000);
    assert.ok(gaze(seat(listener)) * side > 5, `${listener} looks at ${speaker}`);
    assert.ok(Math.abs(gaze(seat(speaker))) < 1);
    assert.equal(roster.weights(speaker).aa, 0.6);
    assert.equal(roster.weights(listener).aa, 0);
  }
});

test('an interrupted mouth is at rest within 60 ms', () => {
  sounding = [{ segment: { seat: 'first', timeline: VOWEL }, ms: 500 }];
  pass(40);
  roster.restMouths();
  sounding = [];
  pass(60);
  assert.equal(roster.weights().aa, 0);
});

test('a speaker is found by the persona, and nobody speaks who is not there', async () => {
  await roster.invite(SAM);
  assert.equal(roster.seatOf(undefined), 'first');
  assert.equal(roster.seatOf('sam'), 'second');
  assert.throws(() => roster.seatOf('nobody'), /"nobody" speaks without being on the stage/);
  roster.dismiss();
  assert.throws(() => roster.seatOf('sam'), RangeError);
});

test('a guest who leaves while coming is gone for good', async () => {
  const coming = roster.invite(SAM);
  roster.dismiss();
  await coming;
  pass(1000);
  assert.deepEqual(roster.people, [['first', 'Maya']]);
  assert.equal(host.children.length, 1);
  assert.equal(host.all.length, seat('first').all.length + 1, 'nothing of the guest is left');
});

test('a file that was dropped is told of where there is no 3-D to wear it', async () => {
  await roster.show({ ...MAYA, own: { name: 'me.vrm' }, attempt: 3 });
  assert.deepEqual(told.at(-1), { persona: 'maya', own: true, worn: false, attempt: 3, file: 'me.vrm', code: 'no_3d' });
});

test('each seat says which face it shows and why', async () => {
  await roster.invite(SAM);
  assert.deepEqual(told, ['first', 'second'].map((name) => ['2d', 'The drawn face was asked for.', name]));
});

for (const [modules, reason] of [
  ['none', /^The 3-D modules are not installed/],
  ['local', /^3-D is not possible here \(.+\), so a drawn face speaks\.$/], // Node has no import map
]) {
  test(`without 3-D modules (${modules}) a drawn face speaks, and the reason is told once`, async () => {
    const faces = [];
    const view = new AvatarView(host, { mouth: () => ({}), onFace: (...one) => faces.push(one), onFile() {} });
    await view.open({ ...DRAWN, drawn: false, modules });
    await view.show(MAYA);
    assert.equal(view.face, '2d');
    assert.equal(faces.length, 1);
    assert.match(faces[0][1], reason);
    view.dispose();
  });
}

/** How far a drawn head sways in half a minute, in degrees. */
async function swayOf(liveliness) {
  const place = host.appendChild(new Element());
  const face = new Face2D(place, () => roster.weights());
  await face.show({ ...MAYA, liveliness });
  let most = 0;
  for (let at = 0; at < 30_000; at += 50) {
    clock.step(50);
    for (const { attributes } of place.all) most = Math.max(most, Math.abs(Number(/^rotate\((-?[\d.]+)/.exec(attributes.transform ?? '')?.[1] ?? 0)));
  }
  face.dispose();
  return most;
}

test('a drawn person moves by themselves as their liveliness says', async () => {
  assert.equal(await swayOf(0), 0);
  const [usual, calm] = [await swayOf(1), await swayOf(0.25)];
  assert.ok(usual > 1 && Math.abs(calm - usual / 2) < 0.1 * usual, `${calm} and ${usual}`);
});

/** How far the bones of a VRM turn in a minute, beyond its posture, in rad. */
function turnsOf(liveliness, still = false) {
  let most = 0;
  const bone = (name) => ({ rotation: { set: (x, y, z) => name === 'spine' && (most = Math.max(most, Math.abs(x), Math.abs(y), Math.abs(z))) } });
  const vrm = { meta: { metaVersion: '1' }, humanoid: { getNormalizedBoneNode: bone }, expressionManager: null };
  const animation = new VrmAnimation(vrm, { mood: 'happy', liveliness, still });
  for (let time = 0; time < 60_000; time += 50) animation.move(time, { x: 0, y: 1.4, z: 1 }, { position: { set() {} } }, 0);
  return most;
}

test('a VRM moves by itself as its liveliness says, and not where motion shall be reduced [persona.motion]', () => {
  assert.equal(turnsOf(0), 0);
  assert.equal(turnsOf(1, true), 0);
  assert.ok(Math.abs(turnsOf(1) - 2 * turnsOf(0.25)) < 1e-9 && turnsOf(1) > 0.01);
});

test("TalkingHead's head moves as its options say at that moment, not as they were when it was made", () => {
  const alternatives = () => ({ alt: [{ vs: { headMove: [null, 0.5, null] } }, { vs: { headMove: [0.5] } }] });
  const head = { opt: { avatarIdleHeadMove: 0.5, avatarSpeakingHeadMove: 0.5 }, animTemplateEyes: { idle: alternatives(), speaking: alternatives() } };
  followOptions(head);
  Object.assign(head.opt, { avatarIdleHeadMove: 0.1, avatarSpeakingHeadMove: 0.9 });
  const moves = (state) => head.animTemplateEyes[state].alt.map(({ vs }) => vs.headMove.map((value) => value?.() ?? value));
  assert.deepEqual([moves('idle'), moves('speaking')], [[[null, 0.1, null], [0.1]], [[null, 0.9, null], [0.9]]]);
});

test("TalkingHead's body moves as the liveliness says, and hardly where motion shall be reduced", () => {
  const usual = movementOf(1, false);
  assert.deepEqual(movementOf(0.25, false), Object.fromEntries(Object.entries(usual).map(([name, value]) => [name, value / 2])));
  assert.ok(Object.values(movementOf(0, false)).every((value) => value === 0));
  assert.deepEqual(movementOf(2, true), movementOf(0, true));
});
