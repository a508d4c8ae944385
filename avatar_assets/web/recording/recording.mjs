// Filming: a reply said again before the camera: picture, recorder, and what the page around hears of it.

import { Picture } from './frame-compositor.mjs';
import { LEAD_MS, Recorder, recordable } from './recorder.mjs';

/** How often the page around hears how far it is, in ms. */
const PROGRESS_MS = 250;
const LEAD_RATE_HZ = 24000;
/** Frames that come sooner after the last are left out: the encoder has enough to do. */
const FRAME_MS = 28;
/** A picture of several people is this late, in ms, for a drawn face beside a figure comes late, and not always equally late. */
const HELD_MS = 150;
/** How sharp a film may be where a processor draws it: encoding takes its time too. */
const SHARPEST = 2;

export class Filming {
  #parts;
  #send;
  #take = null; // {turn, ms, recorder, began, progress}

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.stage
   * @param {HTMLCanvasElement} parts.backdrop
   * @param {import('../stage/captions.mjs').Captions} parts.captions
   * @param {import('../avatar/roster.mjs').Roster} parts.roster
   * @param {() => import('../playback/player.mjs').Player} parts.player
   * @param {() => import('../stage/stage-settings.mjs').Choices} parts.choices
   * @param {(message: object) => void} send
   */
  constructor(parts, send) {
    this.#parts = parts;
    this.#send = send;
  }

  /**
   * Films the turn whose segments come next.
   *
   * @param {{turn: string, ms: number}} order the turn's id and its length
   */
  record({ turn, ms }) {
    this.cancel();
    const { stage, backdrop, captions, roster, player, choices } = this.#parts;
    const { kind, reason } = recordable();
    if (!kind) {
      this.#send({ type: 'unrecorded', turn, reason });
      return;
    }
    const chosen = choices();
    const picture = new Picture({
      stage,
      backdrop: chosen.background ? backdrop : null,
      captions: chosen.captions ? captions : null,
      sharpness: Math.min(SHARPEST, devicePixelRatio),
    });
    const recorder = new Recorder({ canvas: picture.canvas, output: player().output, kind });
    this.#take = { turn, ms, recorder, kind, began: null, progress: 0 };
    let drawnAt = -Infinity;
    roster.captureFrames((seat, frame, at) => {
      const places = roster.seats();
      const moment = places.length > 1 ? picture.keep(places.map(([name]) => name), seat, frame, at) : at;
      if (moment - drawnAt < FRAME_MS) return;
      drawnAt = moment;
      const draw = (shown) => {
        picture.draw(places, shown);
        recorder.frame(moment, player().latency);
      };
      if (places.length > 1) setTimeout(draw, moment + HELD_MS - performance.now(), moment);
      else draw(frame);
    });
    player().play({ turn, index: -1, lead: true, sampleRate: LEAD_RATE_HZ, pcm: new ArrayBuffer((LEAD_MS * LEAD_RATE_HZ * 2) / 1000) });
  }

  /** The silence before the reply began at `at` (performance time in ms). */
  started(at) {
    if (!this.#take) return;
    this.#take.began = at + LEAD_MS;
    this.#take.recorder.start(this.#take.began);
    this.#take.progress = setInterval(() => this.#report(), PROGRESS_MS);
    this.#report();
  }

  /** All of a turn was heard. */
  async finished(turn) {
    const take = this.#take;
    if (take?.turn !== turn) return;
    clearInterval(take.progress);
    this.#parts.roster.captureFrames(null); // the last frame has been taken
    try {
      const file = await take.recorder.finish();
      if (this.#take !== take) return; // cancelled in the last moment
      this.#send({ type: 'recorded', turn, file, suffix: take.kind.suffix });
    } catch (error) {
      this.#send({ type: 'unrecorded', turn, reason: `The video could not be recorded: ${error.message}.` });
    }
    this.#end();
  }

  /** Nothing is kept of what was filmed. */
  cancel() {
    if (!this.#take) return;
    const { turn, recorder } = this.#take;
    recorder.cancel();
    this.#end();
    this.#send({ type: 'unrecorded', turn, reason: '' });
  }

  #end() {
    clearInterval(this.#take?.progress);
    this.#take = null;
    this.#parts.roster.captureFrames(null);
  }

  #report() {
    const { turn, ms, began } = this.#take;
    this.#send({ type: 'recording', turn, ms: Math.max(0, Math.min(ms, performance.now() - began)), of: ms });
  }
}
