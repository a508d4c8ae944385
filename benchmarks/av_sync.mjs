// Synchronisation benchmark, in the page: feeds the real stage with known bursts and writes down what is heard and shown.

import { restWeights, timelineOf, weightsAt } from '/stage/lipsync/viseme-curves.mjs';

const RATE = 24000;
const BURST_MS = 140;
const EVERY_MS = 500;
const BURSTS = 8; // in one segment
const SHAPES = [
  'aa',
  'PP',
  'O',
  'FF',
  'I',
  'U',
  'E',
  'SS',
  'TH',
  'CH',
  'aa',
  'PP',
  'RR',
  'kk',
  'DD',
  'O',
  'nn',
  'E',
  'I',
  'aa',
  'FF',
  'U',
  'PP',
  'O',
];
const CURVE_FROM_MS = -200;
const CURVE_TO_MS = 400;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const inbox = [];
let frame = null;

addEventListener('message', ({ data, origin }) => origin === location.origin && inbox.push(data));

/** The next message of a type, among those that have not been taken. */
async function received(type, timeout = 30000) {
  for (const limit = performance.now() + timeout; performance.now() < limit; await sleep(5)) {
    const index = inbox.findIndex((message) => message.type === type);
    if (index >= 0) return inbox.splice(index, 1)[0];
  }
  throw new Error(`The stage did not say "${type}" within ${timeout / 1000} s; it said ${JSON.stringify(inbox)}.`);
}

const say = (message, transfer = []) => frame.contentWindow.postMessage(message, location.origin, transfer);

/** A segment whose sound and mouth are known: bursts of a tone, each with one viseme exactly as long. */
function burstSegment(turn, index) {
  const pcm = new Int16Array((RATE * BURSTS * EVERY_MS) / 1000);
  const visemes = SHAPES.slice(index * BURSTS, (index + 1) * BURSTS);
  const vtimes = visemes.map((_, burst) => burst * EVERY_MS + 180);
  for (const start of vtimes) {
    const from = (start * RATE) / 1000;
    for (let sample = 0; sample < (BURST_MS * RATE) / 1000; sample++)
      pcm[from + sample] = 12000 * Math.sin((2 * Math.PI * 440 * sample) / RATE);
  }
  return {
    type: 'segment',
    turn,
    index,
    text: '',
    sampleRate: RATE,
    pcm: pcm.buffer,
    words: [],
    wtimes: [],
    wdurations: [],
    visemes,
    vtimes,
    vdurations: vtimes.map(() => BURST_MS),
  };
}

/** How long the figure's frames are measured before it is settled how it is drawn. */
const SETTLED_MS = 2500;

/** Opens the stage. @returns {Promise<{face: string, reason?: string}>} */
async function open(query, avatar) {
  frame = document.createElement('iframe');
  frame.allow = 'autoplay';
  frame.src = `/stage/stage/stage.html?debug=1&${query}`;
  document.body.append(frame);
  await received('ready');
  say({ type: 'persona', id: 'bench', name: 'Bench', avatar, mood: 'neutral', colour: '#3a7f86', liveliness: 1 });
  await received('people', 60000); // who stands there is seen
  await sleep(SETTLED_MS);
  return inbox.findLast(({ type }) => type === 'face');
}

/** Writes down, from now on, every frame's mouth and every block's loudness. */
async function record() {
  const stage = frame.contentWindow;
  const { audioContext: context, output, weights } = stage.stageProbe;
  const log = { frames: [], blocks: [] };
  await context.audioWorklet.addModule('/fixtures/level-tap.mjs');
  const tap = new stage.AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
  tap.port.onmessage = ({ data }) => log.blocks.push(...data);
  output.connect(tap);
  const channel = new MessageChannel(); // its tasks run after all callbacks of the frame: what they drew is known then
  let drawn = null;
  channel.port1.onmessage = () => log.frames.push({ ...drawn, weights: weights() });
  const next = () => {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    drawn = { at: stage.performance.now(), currentTime: context.currentTime, contextTime, performanceTime };
    channel.port2.postMessage(null);
    log.request = stage.requestAnimationFrame(next);
  };
  next();
  log.stop = () => {
    stage.cancelAnimationFrame(log.request);
    output.disconnect(tap);
  };
  return log;
}

/**
 * Plays bursts and writes down what is heard and shown, then interrupts some speech.
 *
 * @param {object} options
 * @param {string} options.query
 * @param {string} options.avatar
 * @param {number} options.segments how many, of eight bursts each
 * @param {number} [options.gap] so many ms of silence are forced before the last of them, by sending it late
 * @param {number} [options.rests] how often there is an interruption
 */
async function measure({ query, avatar, segments: count, gap = 0, rests = 0 }) {
  const { face, reason } = await open(query, avatar);
  const log = await record();
  const segments = Array.from({ length: count }, (_, index) => burstSegment('sync', index));
  const shapes = segments.flatMap(({ visemes }) => visemes);
  const late = gap ? segments.pop() : null;
  for (const segment of segments) say(segment, [segment.pcm]);
  if (late) {
    for (let started = 0; started < segments.length; started++) await received('started');
    await sleep(BURSTS * EVERY_MS + gap);
    say(late, [late.pcm]);
  }
  say({ type: 'end', turn: 'sync' });
  await received('finished', 60000);
  await sleep(400);
  const [frames, blocks] = [[...log.frames], [...log.blocks]];
  const rested = await interrupted(log, rests);
  log.stop();
  return { face, reason, frames, blocks, shapes, bursts: BURSTS, rests: rested, curves: curvesOf(shapes), curveFrom: CURVE_FROM_MS };
}

/** What the mouth should show around a burst, ms by ms from CURVE_FROM_MS. */
function curvesOf(shapes) {
  const out = restWeights();
  return Object.fromEntries(
    shapes.map((shape) => {
      const timeline = timelineOf({ visemes: [shape], vtimes: [0], vdurations: [BURST_MS] });
      return [shape, Array.from({ length: CURVE_TO_MS - CURVE_FROM_MS }, (_, ms) => weightsAt(timeline, ms + CURVE_FROM_MS, out)[shape])];
    }),
  );
}

/** Interrupts a stream of open mouths `times` times; ms from each message to the first frame at rest. @returns {Promise<number[]>} */
async function interrupted(log, times) {
  const stage = frame.contentWindow;
  const results = [];
  for (let round = 0; round < times; round++) {
    inbox.length = 0;
    const segment = burstSegment(`rest-${round}`, 0);
    const count = 40;
    Object.assign(segment, {
      visemes: Array(count).fill('aa'),
      vtimes: Array.from({ length: count }, (_, index) => index * 100),
      vdurations: Array(count).fill(100),
    });
    say(segment, [segment.pcm]);
    await received('started');
    await sleep(800 + 37 * round);
    const stopped = stage.performance.now();
    say({ type: 'stop' });
    await received('heard');
    await sleep(600);
    if (!(log.frames.filter(({ at }) => at < stopped).at(-1).weights.aa > 0)) throw new Error('The mouth was not open before the interruption.');
    const moving = log.frames.filter(({ at, weights }) => at >= stopped && Object.values(weights).some((weight) => weight > 0.005));
    const still = log.frames.find(({ at }) => at > (moving.at(-1)?.at ?? stopped));
    results.push(still.at - stopped);
  }
  return results;
}

window.benchmark = { measure };
