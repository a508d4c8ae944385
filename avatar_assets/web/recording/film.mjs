// Film page: gets the order of a film from the command line's server, has the stage make it, and hands the file back.

import { FrameReader } from '../page/frames.mjs';
import { encodableKind } from './encoder.mjs';

/** The stage is this large at least, in CSS px, whatever the film is: its controls need room, and small films get smooth edges. */
const LEAST_PX = 360;
/** How often the server is asked whether the speech is there, in ms. */
const ASK_MS = 100;
/** From a stage that has just been set to people who stand as if they had always stood there: alone, and after a guest has waved. In ms. */
const SETTLE_MS = 1000;
const GREETED_MS = 4000;
/** Levels of findings about a file that are worth telling. */
const TOLD = ['missing', 'refused'];

const order = new URL(`../../film/${new URLSearchParams(location.search).get('order')}/`, import.meta.url);
const faces = new Map(); // seat → {face, reason}
let filming = false;
const waiting = []; // {type, resolve}

function ask(what, body) {
  return fetch(new URL(what, order), body === undefined ? {} : { method: 'POST', body });
}

function tell(news) {
  return ask('news', JSON.stringify(news));
}

function fail(error) {
  tell({ type: 'failed', message: error?.message ?? String(error) });
}

/** What the stage says next of some type. */
function next(type) {
  return new Promise((resolve) => waiting.push({ type, resolve }));
}

function receive({ data, origin, source }) {
  if (origin !== location.origin || source === window) return;
  if (data.type === 'face') {
    faces.set(data.seat, data);
    if (filming) require3d(data);
  }
  if (data.type === 'error') tell({ type: 'notice', text: data.message });
  if (data.type === 'body') {
    const found = data.report.findings.filter(({ level }) => TOLD.includes(level));
    for (const { text } of found) tell({ type: 'notice', text: `${data.report.file}: ${text}` });
  }
  if (data.type === 'recording') tell({ type: 'progress', share: data.ms / data.of });
  for (const one of waiting.filter(({ type }) => type === data.type)) {
    waiting.splice(waiting.indexOf(one), 1);
    one.resolve(data);
  }
}

/** @throws {Error} when somebody is a drawn face */
function require3d({ face, reason }) {
  if (face === '2d') throw new Error(`${reason.replace(/, so .*$/, '.')} The drawn face can be filmed with --drawn.`);
}

/** Puts the stage there, as the page does, with the choices of the order in place of what a browser would remember. */
async function openStage({ size, choices, picture, dark, drawn }) {
  localStorage.setItem('visavis.stage', JSON.stringify(choices));
  if (picture) localStorage.setItem('visavis.backdrop', picture);
  const scale = Math.max(1, LEAST_PX / Math.min(size.width, size.height));
  const query = new URLSearchParams({ film: '1', theme: dark ? 'dark' : 'light', ...(drawn && { face: '2d' }) });
  const frame = Object.assign(document.createElement('iframe'), { src: new URL(`../stage/stage.html?${query}`, import.meta.url).href });
  Object.assign(frame.style, { width: `${size.width * scale}px`, height: `${size.height * scale}px` });
  const ready = next('ready');
  document.body.append(frame);
  await ready;
  return frame.contentWindow;
}

/** @throws {Error} when somebody is a drawn face who should not be */
async function enter(stage, people, drawn) {
  for (const [index, persona] of people.entries()) {
    const seat = index ? 'second' : 'first';
    const shown = next('people');
    stage.postMessage({ ...persona, type: 'persona', seat }, location.origin);
    await shown;
    if (!drawn) require3d(faces.get(seat));
  }
}

/** The segments, as soon as they have been spoken. @returns {Promise<object[]>} */
async function speech() {
  for (;;) {
    const answer = await ask('speech');
    if (answer.status === 200) return new FrameReader().push(new Uint8Array(await answer.arrayBuffer()));
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

async function film() {
  const job = await (await ask('job')).json();
  const { kind, reason } = await encodableKind(job.suffix);
  if (!kind) throw new Error(reason);
  const stage = await openStage(job);
  await enter(stage, job.people, job.drawn);
  await tell({ type: 'ready' });
  const segments = await speech();
  const ended = Promise.race([next('recorded'), next('unrecorded')]);
  const { suffix, fps, size, leadMs, tailMs } = job;
  filming = !job.drawn;
  const settleMs = job.people.length > 1 ? GREETED_MS : SETTLE_MS;
  stage.postMessage({ type: 'record', turn: 'film', segments, suffix, fps, size, leadMs, tailMs, settleMs }, location.origin);
  const { file, reason: why } = await ended;
  if (!file) throw new Error(why);
  await ask('file', file);
}

addEventListener('message', receive);
addEventListener('error', ({ error, message }) => fail(error ?? message));
addEventListener('unhandledrejection', ({ reason }) => fail(reason));
film().catch(fail);
