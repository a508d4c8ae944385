// Stage: the iframe's composition root; routes the messages of the page around to player, roster, captions and recording.

import { actOf, cuesOf } from '../acting/acts.mjs';
import { ASKED_FOR } from '../avatar/avatar-view.mjs';
import { Roster } from '../avatar/roster.mjs';
import { Backdrop } from './backdrop.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { Captions } from './captions.mjs';
import { timelineOf } from '../lipsync/viseme-curves.mjs';
import { RecordingSession } from '../recording/session.mjs';
import { Player } from '../playback/player.mjs';
import { StageSettings } from './stage-settings.mjs';

/** What the pill can show; the page around says it in words. */
const STATES = ['loading', 'idle', 'listening', 'thinking', 'speaking', 'failed'];
/** A mouth that does not move. */
const STILL = timelineOf({ visemes: [], vtimes: [], vdurations: [] });
/** How long the last caption stays after the last word, in ms. */
const CAPTION_LINGER_MS = 1200;

const query = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);
const captions = new Captions(element('captions'));
const backdrop = new Backdrop(element('backdrop'));
const darkScheme = matchMedia('(prefers-color-scheme: dark)');
const roster = new Roster(element('person'), {
  sounding: () => playback()?.sounding() ?? [],
  onFace: faceChanged,
  onFile: (event) => send({ ...event, type: 'body' }),
});
const settings = new StageSettings(element('settings'), settled, (id) => send({ type: 'invite', id }), () => roster.retry3d());
const recording = new RecordingSession(
  {
    stage: element('stage'),
    backdrop: element('backdrop'),
    captions,
    roster,
    choices: () => settings.choices,
    prepare,
    onHeard: (segment) => (segment ? hear(segment) : fallSilent()),
  },
  send,
);
let player = null;
let state = 'loading'; // what the page around says
let voiced = null; // the seat whose words are heard
let lingering = 0;
let following = 0;
let told = {}; // the word that the page around was told last: turn, index, word
let colour = getComputedStyle(document.documentElement).getPropertyValue('--persona').trim();
let picture = null; // the user's own, behind the person

/** With `?debug=1` only: what the synchronisation benchmark and the tests look at. */
const probe = query.get('debug') === '1' ? openProbe() : null;

const HANDLERS = {
  persona: (message) => (message.seat === 'second' ? seatGuest(message) : showPersona(message)),
  people: ({ people, guest }) => settings.offer(people, guest),
  record: (order) => recording.record(order),
  segment: playSegment,
  end: ({ turn }) => player.end(turn),
  stop: stopNow,
  voice: lowerVoice,
  tap: ({ on }) => player.tap(on ? passOn : null),
  picture: ({ file }) => settings.takePicture(file),
  act: ({ name }) => roster.act(knownAct(name)),
  state: showState,
  theme: showTheme,
  resume: () => player.resume(),
};

function openProbe() {
  return (window.stageProbe = {
    audioContext: null,
    output: null,
    weights: (seat) => ({ ...roster.weights(seat) }),
    act: (name, seat) => roster.act(name, seat),
    segments: [],
    events: [],
  });
}

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

/** What is heard: the reply that is played, or the one of which a film is made. */
function playback() {
  return recording.playback ?? player;
}

function playSegment(message) {
  recording.cancel(); // films are made of replies that are over
  player.play(prepare(message));
}

/** A segment with what playing it needs: the seat of its speaker, its mouth, its acts; what is wrong with it is told, and left out. */
function prepare(message) {
  const { words, wtimes, text, index } = message;
  const segment = { ...message, seat: null, timeline: STILL, due: cuesOf(message) };
  const attempt = (name, make, consequence = '') => {
    try {
      segment[name] = make();
    } catch (error) {
      send({ type: 'error', message: error.message + consequence });
    }
  };
  attempt('seat', () => roster.seatOf(message.speaker));
  attempt('timeline', () => timelineOf(message), ` The mouth stays still in segment ${index}.`);
  if (!Array.isArray(words) || words.length !== wtimes?.length) {
    Object.assign(segment, { words: [], wtimes: [], text: text ?? '' });
    send({ type: 'error', message: `The words of segment ${index} and their times do not fit together. No word is marked in it.` });
  }
  return segment;
}

function knownAct(name) {
  if (!actOf(name)) throw new RangeError(`The stage knows no act ${JSON.stringify(name)}.`);
  return name;
}

function stopNow() {
  roster.restMouths();
  recording.cancel();
  send({ type: 'heard', ...player.stop() });
  hush();
  captions.clear();
  element('unlock').hidden = true;
}

/** Somebody else speaks, or no longer. */
function lowerVoice({ how }) {
  const position = player.lower(how);
  if (position) send({ ...position, type: 'paused' });
}

/** What leaves for the loudspeaker, for the page's echo canceller. */
function passOn(samples) {
  parent.postMessage({ type: 'played', samples, sampleRate: player.context.sampleRate }, location.origin, [samples.buffer]);
}

function started(segment, at, contextTime) {
  probe?.segments.push({ turn: segment.turn, index: segment.index, timeline: segment.timeline, contextTime });
  hear(segment);
  send({ type: 'started', turn: segment.turn, index: segment.index, at: performance.timeOrigin + at });
}

function finished(turn) {
  fallSilent();
  send({ type: 'finished', turn });
}

/** From now on a segment's words are heard. */
function hear(segment) {
  clearTimeout(lingering);
  clock.cancelFrame(following);
  following = clock.requestFrame(follow);
  voiced = segment.seat ?? 'first';
  showBody();
}

/** The last word has been heard. */
function fallSilent() {
  hush();
  lingering = setTimeout(() => captions.clear(), CAPTION_LINGER_MS);
}

function hush() {
  voiced = null;
  clearTimeout(lingering);
  showBody();
}

/** While there is something to hear, every frame has its caption, and what face and hands should do by then is done. */
function follow() {
  const heard = playback().sounding().findLast(({ ms }) => ms >= 0);
  if (heard) {
    tellWord(heard.segment, captions.follow(heard.segment, heard.ms));
    while (heard.segment.due[0]?.ms <= heard.ms) roster.act(heard.segment.due.shift().name, heard.segment.seat);
  }
  if (voiced) following = clock.requestFrame(follow);
}

/** The page around marks the word too; of each it is told once. */
function tellWord({ turn, index }, word) {
  if (word < 0 || (told.turn === turn && told.index === index && told.word === word)) return;
  told = { turn, index, word };
  send({ type: 'word', ...told });
}

function showState({ state: next, text }) {
  if (!STATES.includes(next)) throw new RangeError(`The stage knows no state ${JSON.stringify(next)}.`);
  state = next;
  element('state').dataset.state = state;
  element('state-text').textContent = text;
  showBody();
}

/** While words are heard the body speaks, whatever the page around is already doing. */
function showBody() {
  roster.setState(state, voiced);
}

async function showPersona(message) {
  const persona = personaOf(message);
  colour = persona.colour;
  document.documentElement.style.setProperty('--persona', colour);
  const furnished = showBackdrop();
  roster.announce(persona);
  await opened;
  await roster.show(persona);
  await furnished;
  showPeople();
}

/** Somebody sits down beside; without an id the guest leaves. */
async function seatGuest(message) {
  await opened;
  if (message.id === null) roster.dismiss();
  else await roster.invite(personaOf(message));
  showPeople();
}

function personaOf(persona) {
  const { name, avatar, colour: light, liveliness } = persona;
  if (![name, avatar].every((value) => typeof value === 'string')) throw new RangeError('The persona has no name or no avatar.');
  if (!/^#[0-9a-f]{6}$/i.test(light)) throw new RangeError(`The persona's colour ${JSON.stringify(light)} is no hex colour.`);
  if (!(liveliness >= 0 && liveliness <= 2)) throw new RangeError(`The persona's liveliness ${liveliness} is not from 0 to 2.`);
  return persona;
}

function showPeople() {
  send({ type: 'people', people: roster.people });
}

/** What the user chose in the menu, now and whenever it changes. */
function settled({ view, captionSize }, image) {
  element('captions').dataset.size = captionSize;
  picture = image;
  roster.setView(view);
  showBackdrop();
}

/** @returns {Promise<void>} when it is drawn, or cannot be */
async function showBackdrop() {
  const { theme } = document.documentElement.dataset;
  const dark = theme ? theme === 'dark' : darkScheme.matches;
  try {
    await backdrop.show({ name: settings.choices.backdrop, colour, dark, image: picture });
  } catch (error) {
    send({ type: 'error', message: error.message });
  }
}

/** The page around has become dark or light. */
function showTheme({ theme }) {
  document.documentElement.dataset.theme = theme;
  showBackdrop();
}

function faceChanged(face, reason, seat) {
  element('stage').dataset.drawn = roster.isDrawn;
  settings.offerRetry(roster.canRetry3d);
  showNotice(reason);
  send({ type: 'face', face, reason, seat });
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

/** Opens the avatar; the voice does not wait for it. */
async function openStage() {
  await voice;
  send({ type: 'ready' });
  await roster.open({
    modules: document.documentElement.dataset.modules,
    drawn: query.get('face') === '2d',
    spectrum: (bins) => playback().spectrum(bins),
  });
}

if (query.get('film') === '1') clock.hold(); // nothing moves but in a film
settings.open();
new ResizeObserver(() => backdrop.draw()).observe(element('stage'));
darkScheme.addEventListener('change', showBackdrop);
const voice = openVoice();
const opened = openStage();
// What arrives early waits, in its order, until there is a voice to serve it.
addEventListener('message', (event) => voice.then(() => receive(event)));
opened.catch((error) => {
  showState({ state: 'failed', text: `This browser cannot play sound here: ${error.message}` });
  send({ type: 'error', message: `The stage could not open the sound: ${error.message}` });
});
