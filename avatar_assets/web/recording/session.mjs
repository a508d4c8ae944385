// Recording session: makes the film of a reply. The stage acts it on a stepped clock, frame by frame, as fast as it can be drawn.

import { clock } from '../playback/frame-clock.mjs';
import { FilmEncoder, encodableKind } from './encoder.mjs';
import { FrameCompositor } from './frame-compositor.mjs';
import { FilmPlayback } from './playback.mjs';

/** How often the page around hears how far it is, in ms. */
const PROGRESS_MS = 250;
const FPS = 30;
/** Nobody sees these frames. */
const SETTLE_STEP_MS = 100;

/**
 * @typedef {object} FilmOrder
 * @property {string} turn an id for the film
 * @property {object[]} segments of a finished reply, as the stage's protocol carries them
 * @property {string} [suffix] of the file; the first kind that the browser can encode if left out
 * @property {number} [fps]
 * @property {{width: number, height: number}} [size] in px, even; the stage's own if left out
 * @property {number} [settleMs] how long everybody moves before the film begins
 * @property {number} [leadMs] how long the film shows the person before the reply
 * @property {number} [tailMs] and after it
 */

export class RecordingSession {
  #parts;
  #send;
  #take = null; // {turn, playback}

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.stage
   * @param {HTMLCanvasElement} parts.backdrop
   * @param {import('../stage/captions.mjs').Captions} parts.captions
   * @param {import('../avatar/roster.mjs').Roster} parts.roster
   * @param {() => import('../stage/stage-settings.mjs').Choices} parts.choices
   * @param {(message: object) => object} parts.prepare gives a segment with what playing it needs
   * @param {(segment: object | null) => void} parts.onHeard which segment is heard from now on
   * @param {(message: object) => void} send
   */
  constructor(parts, send) {
    this.#parts = parts;
    this.#send = send;
  }

  /** What is "heard" while a film is made; null while there is none. @returns {FilmPlayback | null} */
  get playback() {
    return this.#take?.playback ?? null;
  }

  /**
   * Makes a film; the one before is forgotten. The page around hears how far it is, and gets the file.
   *
   * @param {FilmOrder} order
   */
  async record(order) {
    this.cancel();
    const take = (this.#take = { turn: order.turn, playback: null });
    try {
      const { kind, reason } = await encodableKind(order.suffix);
      if (this.#take !== take) return;
      if (!kind) this.#end({ type: 'unrecorded', reason });
      else {
        const file = await this.#film(take, kind, order);
        if (file) this.#end({ type: 'recorded', file, suffix: kind.suffix });
      }
    } catch (error) {
      const reason = `The video could not be recorded: ${error.message.replace(/\.$/, '')}.`;
      if (this.#take === take) this.#end({ type: 'unrecorded', reason });
    }
  }

  /** Nothing is kept of what was filmed. */
  cancel() {
    if (this.#take) this.#end({ type: 'unrecorded', reason: '' });
  }

  /** @returns {Promise<Blob | null>} null when it was cancelled */
  async #film(take, kind, { segments, fps = FPS, size, settleMs = 0, leadMs = 0, tailMs = 0 }) {
    const { stage, backdrop, captions, roster, choices, prepare, onHeard } = this.#parts;
    const playback = await FilmPlayback.of(segments.map(prepare), { leadMs, tailMs });
    if (this.#take !== take) return null;
    const { captions: captioned, background } = choices();
    const compositor = new FrameCompositor({
      stage,
      backdrop: background ? backdrop : null,
      captions: captioned ? captions : null,
      size,
    });
    const encoder = await FilmEncoder.open({ canvas: compositor.canvas, kind, fps, samples: playback.samples });
    const held = clock.held;
    if (this.#take === take) take.playback = playback;
    clock.hold();
    try {
      for (let ms = 0; ms < settleMs; ms += SETTLE_STEP_MS) clock.step(SETTLE_STEP_MS);
      const count = Math.ceil((playback.duration * fps) / 1000);
      let [heard, told] = [null, -Infinity];
      for (let index = 0; index < count; index++) {
        if (this.#take !== take) return null;
        // A frame stands for 1/fps s and shows the mouth of its middle: lips are never further from the sound than half of that.
        playback.moveTo(((index + 0.5) * 1000) / fps);
        if (playback.heard !== heard) onHeard((heard = playback.heard));
        clock.step(1000 / fps);
        const pictures = roster.pictures();
        compositor.draw(pictures instanceof Promise ? await pictures : pictures);
        await encoder.add(index);
        if (performance.now() - told >= PROGRESS_MS) {
          told = performance.now();
          this.#send({ type: 'recording', turn: take.turn, ms: (playback.duration * index) / count, of: playback.duration });
        }
        await nextTask();
      }
      const file = await encoder.finish();
      return this.#take === take ? file : null;
    } finally {
      if (!held) clock.release();
      encoder.cancel().catch(() => {}); // costs nothing after `finish`
    }
  }

  #end(message) {
    const { turn, playback } = this.#take;
    this.#take = null;
    if (playback) this.#parts.onHeard(null);
    this.#send({ ...message, turn });
  }
}

/** Lets messages in: somebody may want to stop. Timers would wait, in a hidden tab for a second each. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}
