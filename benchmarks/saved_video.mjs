// Saved video benchmark, in the page: lets the real stage film bursts of a tone, an open mouth for each, and gives the file.

import { timelineOf, weightsAt, restWeights } from '/stage/lipsync/viseme-curves.mjs';

const RATE = 24000;
const BURST_MS = 140;
const EVERY_MS = 500;
const FIRST_MS = 250;
/** Before a guest speaks, everybody has turned to them. */
const GUEST_MS = 1000;
const SHAPE = 'aa';
const CURVE_FROM_MS = -200;
const CURVE_TO_MS = 400;
/** How long frames are measured before it is settled how somebody is drawn, and whether two can be. */
const SETTLED_MS = 2500;
const BOTH_SETTLED_MS = 5000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inbox = [];
addEventListener('message', ({ data, origin }) => origin === location.origin && inbox.push(data));

async function received(types, timeout = 60000) {
  for (const limit = performance.now() + timeout; performance.now() < limit; await sleep(5)) {
    const index = inbox.findIndex(({ type }) => types.includes(type));
    if (index >= 0) return inbox.splice(index, 1)[0];
  }
  throw new Error(`The stage did not say "${types}" within ${timeout / 1000} s; it said ${JSON.stringify(inbox)}.`);
}

/** Sound and mouth of a few bursts after some silence. */
function burstSegment(index, bursts, first, speaker) {
  const vtimes = Array.from({ length: bursts }, (_, burst) => first + burst * EVERY_MS);
  const pcm = new Int16Array((RATE * (first + bursts * EVERY_MS)) / 1000);
  for (const start of vtimes) {
    const from = (start * RATE) / 1000;
    for (let sample = 0; sample < (BURST_MS * RATE) / 1000; sample++)
      pcm[from + sample] = 12000 * Math.sin((2 * Math.PI * 440 * sample) / RATE);
  }
  const words = { text: '', words: [], wtimes: [], wdurations: [] };
  const mouth = { visemes: vtimes.map(() => SHAPE), vtimes, vdurations: vtimes.map(() => BURST_MS) };
  return { type: 'segment', turn: 'film', index, speaker, sampleRate: RATE, pcm: pcm.buffer, ...words, ...mouth };
}

/**
 * Films one person, or two of whom each says half.
 *
 * @param {{query: string, avatars: string[], bursts: number}} options
 * @returns {Promise<object>} the file in base64, and what is in it
 */
async function film({ query, avatars, bursts }) {
  const frame = document.createElement('iframe');
  frame.allow = 'autoplay';
  frame.src = `/stage/stage/stage.html?debug=1&${query}`;
  document.body.append(frame);
  await received(['ready']);
  const say = (message, transfer = []) => frame.contentWindow.postMessage(message, location.origin, transfer);
  const persona = (avatar) => ({ id: avatar, name: avatar, avatar, mood: 'neutral', colour: '#3a7f86', liveliness: 0 });
  for (const [seat, avatar] of avatars.entries()) {
    say({ type: 'persona', seat: seat ? 'second' : 'first', ...persona(avatar) });
    await received(['people']);
  }
  await sleep(avatars.length > 1 ? BOTH_SETTLED_MS : SETTLED_MS);
  const faces = ['first', 'second'].slice(0, avatars.length).map((place) => inbox.findLast(({ type, seat }) => type === 'face' && seat === place));
  const segments = avatars.map((avatar, index) => burstSegment(index, bursts / avatars.length, index ? GUEST_MS : FIRST_MS, avatar));
  const ms = segments.reduce((sum, { pcm }) => sum + (pcm.byteLength / 2 / RATE) * 1000, 0);
  say({ type: 'record', turn: 'film', segments });
  const { file, suffix, reason: why } = await received(['recorded', 'unrecorded']);
  if (!file) throw new Error(why);
  const data = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(',')[1]);
    reader.readAsDataURL(file);
  });
  const timeline = timelineOf({ visemes: [SHAPE], vtimes: [0], vdurations: [BURST_MS] });
  const curve = Array.from({ length: CURVE_TO_MS - CURVE_FROM_MS }, (_, at) => weightsAt(timeline, at + CURVE_FROM_MS, restWeights())[SHAPE]);
  return { faces: faces.map(({ face }) => face), reason: faces[0].reason, data, suffix, ms, curve, curveFrom: CURVE_FROM_MS };
}

window.benchmark = { film };
