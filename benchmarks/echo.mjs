// The page's side of the benchmark `echo`: hands-free in a made-up room, piece by piece, on a virtual clock; the other side decides.
//
// Reads one line of JSON for each scene, {folder, delayMs}: float32 files `played` (48 000 Hz), `echo` and `other` (16 000 Hz). Writes a line
// for each message of hands-free and for each change of the voice, reads a line of Python's events after each piece, and ends with a null.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mock } from 'node:test';
import { createInterface } from 'node:readline';

import { FakeElement, fakeDocument } from '../tests/fake-dom.mjs';

const PIECE_MS = 20;
const PACKAGE = new URL('../avatar_assets/node_modules/@ennuicastr/webrtcaec3.js/dist/webrtcaec3-0.3.0.js', import.meta.url);
const GAINS = { full: 1, low: 0.2, silent: 0 };

globalThis.window ??= new EventTarget();
globalThis.document = fakeDocument();
globalThis.localStorage = { getItem: () => null, setItem: () => {} };
globalThis.WebRtcAec3 = createRequire(import.meta.url)(PACKAGE.pathname);
globalThis.fetch = async () => ({ json: async () => ({ imports: { webrtcaec3: 'file:///' } }) });
const { HandsFree } = await import('../avatar_assets/web/live/hands-free.mjs');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value ?? 'null');
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const settled = () => new Promise(setImmediate);
const floats = (file) => new Float32Array(readFileSync(file).buffer);

for (let scene; (scene = await read());) await play(scene);

async function play({ folder, delayMs }) {
  const [played, echo, other] = ['played', 'echo', 'other'].map((name) => floats(`${folder}/${name}.f32`));
  const button = new FakeElement('button');
  const controls = new FakeElement('div');
  Object.defineProperty(button, 'parentElement', { get: () => Object.assign(controls, { after: () => {} }) });
  let ms = 0;
  let gain = 1;
  let mutedUntil = 0; // after a stop; then the next answer begins
  let out = [];
  const ignore = () => {};
  const handsFree = new HandsFree(
    button,
    { sampleRate: 16_000, cancelsEcho: true },
    async (message, data) => {
      out.push(message.type === 'heard' ? { ...message, pcm: Buffer.from(data.buffer).toString('base64') } : message);
      return '';
    },
    {
      ...Object.fromEntries(['switched', 'user', 'fault', 'act', 'words', 'answered', 'nothing', 'remark', 'tap'].map((name) => [name, ignore])),
      stop: () => {
        mutedUntil = ms + 2000;
        out.push({ type: 'stop', ms });
      },
      voice: (how) => {
        gain = GAINS[how];
        out.push({ type: 'voice', how, ms });
      },
      isSounding: () => ms >= mutedUntil,
      hasFloor: () => ms >= mutedUntil,
    },
  );
  handsFree.begin();
  await settled();
  await settled();
  mock.timers.enable({ apis: ['setTimeout'] });
  const gains = new Array(Math.ceil(delayMs / PIECE_MS) + 1).fill(1); // the room hears later
  let smooth = 1;
  let spent = 0;
  for (let piece = 0; (piece + 1) * 320 <= other.length; piece++) {
    const now = ms < mutedUntil ? 0 : gain;
    gains.push(now);
    gains.shift();
    const heard = new Float32Array(320);
    for (let index = 0; index < 320; index++) {
      smooth += (gains[0] - smooth) / 800; // 50 ms: the reverberation of what was louder
      heard[index] = Math.max(-1, Math.min(1, other[piece * 320 + index] + smooth * echo[piece * 320 + index]));
    }
    ms += PIECE_MS;
    const begun = performance.now();
    handsFree.played(played.slice(piece * 960, (piece + 1) * 960).map((sample) => sample * now), 48_000);
    handsFree.hear(heard, false);
    spent += performance.now() - begun;
    mock.timers.tick(PIECE_MS);
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    if (!out.some(({ type }) => type !== 'voice')) continue;
    write(out);
    out = [];
    for (const event of await read()) handsFree.receive(event);
  }
  mock.timers.reset();
  write([...out, { type: 'end', cost: spent / ms }]);
}
