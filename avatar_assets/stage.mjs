// Stage: the messages between the page around and the sound, the person and the captions in here.

import { cuesOf } from './acts.mjs';
import { Captions } from './captions.mjs';
import { restWeights, timelineOf, weightsOf } from './face.mjs';
import { ASKED_FOR, Person } from './person.mjs';
import { Player } from './player.mjs';

/** What the pill says where the page around says nothing else. */
const STATE_TEXT = {
  loading: 'Getting ready…',
  idle: 'Ready',
  listening: 'Listening',
  thinking: 'Thinking…',
  speaking: 'Speaking',
  failed: 'Something went wrong',
};
/** For a persona whose colour is none. */
const DEFAULT_COLOUR = '#3a7f86';
/** How fast the mouth comes to rest when it is interrupted, in ms. */
const RELEASE_MS = 40;
/** How long the last caption stays after the last word, in ms. */
const CAPTION_LINGER_MS = 1200;

const query = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);
const captions = new Captions(element('captions'));
const person = new Person(element('person'), mouth, faceChanged);
const weights = restWeights();
let player = null;
let release = null; // {at, from}: the mouth of an interrupted word on its way to rest
let mouthAt = 0; // when the mouth was last drawn
let state = 'loading'; // what the page around says
let voiced = false; // whether a turn is being heard
let lingering = 0;

/** With `?debug=1` only: what the synchronisation benchmark and the tests look at. */
const probe =
  query.get('debug') === '1'
    ? { audioContext: null, output: null, weights: () => ({ ...person.shown() }), act: (name) => person.act(name), segments: [], events: [] }
    : null;
if (probe) window.stageProbe = probe;

const HANDLERS = {
  persona: showPersona,
  segment: playSegment,
  end: ({ turn }) => player.end(turn),
  stop: stopNow,
  state: showState,
  resume: () => player.resume(),
};

function send(message) {
  probe?.events.push({ at: performance.now(), out: message });
  parent.postMessage(message, location.origin);
}

async function receive(event) {
  if (event.origin !== location.origin || event.source !== parent) return;
  const handler = Object.hasOwn(HANDLERS, event.data?.type) ? HANDLERS[event.data.type] : null;
  if (!handler) return;
  probe?.events.push({ at: performance.now(), in: event.data.type });
  try {
    await handler(event.data);
  } catch (error) {
    send({ type: 'error', message: error.message });
  }
}

/** The mouth of this moment. @returns {import('./face.mjs').Weights} */
function mouth() {
  mouthAt = performance.now();
  if (release) {
    const share = 1 - (mouthAt - release.at) / RELEASE_MS;
    for (const name of Object.keys(weights)) weights[name] = Math.max(0, share) * release.from[name];
    if (share <= 0) release = null;
    return weights;
  }
  const near = player?.sounding() ?? [];
  return weightsOf(
    near.map(({ segment, ms }) => ({ timeline: segment.timeline, ms })),
    weights,
  );
}

function playSegment(segment) {
  const { words, wtimes, text, index } = segment;
  try {
    segment.timeline = timelineOf(segment);
  } catch (error) {
    segment.timeline = timelineOf({ visemes: [], vtimes: [], vdurations: [] });
    send({ type: 'error', message: `${error.message} The mouth stays still in segment ${index}.` });
  }
  if (!Array.isArray(words) || words.length !== wtimes?.length) {
    Object.assign(segment, { words: [], wtimes: [], text: text ?? '' });
    send({ type: 'error', message: `The words of segment ${index} and their times do not fit together. No word is marked in it.` });
  }
  segment.due = cuesOf(segment);
  player.play(segment);
}

function stopNow() {
  release = { at: mouthAt, from: { ...weights } }; // from what is on the screen, since it is: a slow screen rests in one frame
  send({ type: 'heard', ...player.stop() });
  hush();
  captions.clear();
  element('unlock').hidden = true;
}

function started(segment, at, contextTime) {
  probe?.segments.push({ turn: segment.turn, index: segment.index, timeline: segment.timeline, contextTime });
  clearTimeout(lingering);
  if (!voiced) {
    voiced = true;
    showBody();
    requestAnimationFrame(follow);
  }
  send({ type: 'started', turn: segment.turn, index: segment.index, at: performance.timeOrigin + at });
}

function finished(turn) {
  hush();
  lingering = setTimeout(() => captions.clear(), CAPTION_LINGER_MS);
  send({ type: 'finished', turn });
}

function hush() {
  voiced = false;
  clearTimeout(lingering);
  showBody();
}

/** While there is something to hear, every frame has its caption, and what face and hands should do by then is done. */
function follow() {
  const heard = player.sounding().findLast(({ ms }) => ms >= 0);
  if (heard) {
    captions.follow(heard.segment, heard.ms);
    while (heard.segment.due[0]?.ms <= heard.ms) person.act(heard.segment.due.shift().name);
  }
  if (voiced) requestAnimationFrame(follow);
}

function showState({ state: next, text }) {
  if (!Object.hasOwn(STATE_TEXT, next)) throw new RangeError(`The stage knows no state ${JSON.stringify(next)}.`);
  state = next;
  element('state').dataset.state = state;
  element('state-text').textContent = text || STATE_TEXT[state];
  showBody();
}

/** While words are heard the body speaks, whatever the page around is already doing. */
function showBody() {
  person.setState(voiced ? 'speaking' : state);
}

async function showPersona(persona) {
  if (![persona.name, persona.avatar].every((value) => typeof value === 'string'))
    throw new RangeError('The persona has no name or no avatar.');
  const colour = /^#[0-9a-f]{6}$/i.test(persona.colour) ? persona.colour : DEFAULT_COLOUR;
  document.documentElement.style.setProperty('--persona', colour);
  person.announce({ ...persona, colour });
  await opened;
  await person.show({ ...persona, colour });
}

function faceChanged(face, reason) {
  showNotice(reason);
  send({ type: 'face', face, reason });
}

function showNotice(reason) {
  const notice = element('notice');
  notice.textContent = reason;
  notice.hidden = !reason || reason === ASKED_FOR;
  for (const leaving of notice.getAnimations()) leaving.play(); // another reason is shown as long as the first
}

function unlocked() {
  element('unlock').hidden = true;
}

/** Opens the sound. */
async function openVoice() {
  player = await Player.open({
    onStarted: started,
    onFinished: finished,
    onRunning: unlocked,
    onBlocked: () => {
      element('unlock').hidden = false;
      send({ type: 'blocked' });
    },
    onError: (error) => send({ type: 'error', message: error.message }),
  });
  if (probe) Object.assign(probe, { audioContext: player.context, output: player.output });
  for (const gesture of ['pointerdown', 'keydown']) addEventListener(gesture, () => player.resume());
}

/** Opens the figure; the voice does not wait for it. */
async function openStage() {
  await voice;
  send({ type: 'ready' });
  await person.open({
    modules: document.documentElement.dataset.modules,
    drawn: query.get('face') === '2d',
    voice: player.output,
  });
}

const voice = openVoice();
const opened = openStage();
// What arrives early waits, in its order, until there is a voice to serve it.
addEventListener('message', (event) => voice.then(() => receive(event)));
opened.catch((error) => {
  showState({ state: 'failed', text: `This browser cannot play sound here: ${error.message}` });
  send({ type: 'error', message: `The stage could not open the sound: ${error.message}` });
});
