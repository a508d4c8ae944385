// Acts: what face and hands do at a stage direction, and by themselves while somebody speaks. Pure data (`acts.json`) and arithmetic.

import TABLE from './acts.json' with { type: 'json' };

/** How long a pause in the speech must be for the eyes to blink in it, in ms. */
const PAUSE_MS = 260;
/** How long before the end of a question the brows go up, in ms. */
const ASKING_MS = 800;

/**
 * @typedef {object} Act
 * @property {string[]} [words] what a model may write for it, and which of them are verbs: for Python, which takes them out of the text
 * @property {string[]} [verbs]
 * @property {string} [emoji]
 * @property {string} [mood] one of `moods.json`, for as long as the person keeps speaking
 * @property {string} [gesture] one of TalkingHead's hands
 * @property {number[]} times how long each stretch takes, in ms
 * @property {Record<string, number[]>} reached what is reached at the end of each: morph targets, turns of head and body (rad) and eyes
 * @property {Record<string, number[]>} [still] the same where head and body shall not move, if leaving them out is not enough
 * @property {Drawn} drawn the same for the 2-D face
 *
 * @typedef {object} Drawn Added to the face at rest for `ms`; px and degrees of its drawing.
 * @property {number} ms
 * @property {number} [smile] corners of the mouth
 * @property {number} [brow] height of the brows
 * @property {number} [slant] their inner ends up
 * @property {number} [tilt] of the head
 * @property {number} [nod] up and down, in px
 * @property {number} [shake] left and right, in degrees
 * @property {number} [lids] how far the lids close, 0…1
 * @property {boolean} [wink] one eye only
 */

/** By stage direction; `engines/text/directions.py` reads the same file. @type {Record<string, Act>} */
export const DIRECTIONS = TABLE.directions;
/** What nobody writes: done at pauses and questions, and while listening (`hum` is a silent "mm-hm"). @type {Record<string, Act>} */
export const AUTOMATIC = TABLE.automatic;

/** @param {string} name of a direction, or of what is done by itself  @returns {Act} */
export const actOf = (name) => DIRECTIONS[name] ?? AUTOMATIC[name];

/** An act for TalkingHead's `animFactory`. @param {Act} act  @param {boolean} still the face only */
export function templateOf({ times, reached, still: atRest }, still) {
  const face = () => Object.fromEntries(Object.entries(reached).filter(([name]) => !/^(head|body)/.test(name)));
  return { name: 'act', dt: times, vs: still ? (atRest ?? face()) : reached };
}

/**
 * When a segment's acts are due: those that Python found in the text, and those that come by themselves.
 *
 * @param {object} segment as the stage's protocol carries it
 * @returns {{name: string, ms: number}[]} in their order
 */
export function cuesOf({ cues = [], ctimes = [], text = '', visemes = [], vtimes = [], vdurations = [] }) {
  const due = cues.map((name, index) => ({ name, ms: ctimes[index] ?? 0 })).filter(({ name }) => Object.hasOwn(DIRECTIONS, name));
  visemes.forEach((name, index) => {
    const inside = index > 0 && index < visemes.length - 1;
    if (name === 'sil' && inside && vdurations[index] >= PAUSE_MS) due.push({ name: 'blink', ms: vtimes[index] });
  });
  const end = visemes.length ? vtimes.at(-1) + vdurations.at(-1) : 0;
  if (/[?？؟]["'”’)\]]*\s*$/.test(text) && end) due.push({ name: 'ask', ms: Math.max(0, end - ASKING_MS) });
  return due.sort((one, other) => one.ms - other.ms);
}
