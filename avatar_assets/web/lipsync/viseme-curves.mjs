// Viseme curves: how far each viseme is formed at a moment of a segment. Pure arithmetic: no DOM, no clock, no state.

import TABLE from './visemes.json' with { type: 'json' };

/** The fifteen Oculus mouth shapes, as the wire spells them. */
export const VISEMES = Object.freeze(TABLE.visemes);

/** Shapes that close the mouth: a listener sees it at once when they do not. */
const CLOSURES = TABLE.closures;
/** Avatars made for TalkingHead are sculpted for these two amplitudes. */
const PEAK = 0.6;
const CLOSURE_PEAK = 0.9;

// The curve of one viseme. The mouth sets off before the sound is heard and returns after it (co-articulation). For short
// sounds this is TalkingHead's trapezium: from 2/3 of the duration before the onset to 1/2 after the end. Long sounds would
// reach too far into their neighbours that way, so each slope is bounded and the shape is held between them.
const LEAD_MAX_MS = 100;
const ATTACK_MAX_MS = 80;
const RELEASE_MAX_MS = 60;
const TAIL_MAX_MS = 100;
// Where nothing is said any more, the mouth closes with the sound.
const TAIL_BEFORE_PAUSE_MS = 40;
const PAUSE_LEAST_MS = 60;
const STEEPNESS = 5;

const logistic = (x) => 1 / (1 + Math.exp(-STEEPNESS * x)) - 0.5;
/** Eases 0…1 to 0…1 along a logistic curve. */
const ease = (x) => 0.5 + (0.5 / logistic(1)) * logistic(2 * x - 1);

/**
 * @typedef {object} Timeline A segment's mouth, ready to be asked. Times are ms from the start of the segment.
 * @property {string[]} names
 * @property {Float64Array} starts when the mouth sets off
 * @property {Float64Array} formed when the shape is reached
 * @property {Float64Array} held until when it is held
 * @property {Float64Array} ends when it is gone
 * @property {Float64Array} latest the latest end up to and including each viseme, so that a search knows where to stop
 * @typedef {Record<string, number>} Weights one number from 0 to 1 for each of VISEMES
 */

/**
 * Prepares the visemes of a segment.
 *
 * @param {{visemes: string[], vtimes: number[], vdurations: number[]}} segment TalkingHead's fields, in ms.
 * @returns {Timeline}
 * @throws {RangeError} when the three lists do not fit together, a name is unknown or a time is no finite number
 */
export function timelineOf({ visemes, vtimes, vdurations }) {
  if (![visemes, vtimes, vdurations].every(Array.isArray))
    throw new RangeError('The visemes, their times and their durations are not three lists.');
  if (visemes.length !== vtimes.length || visemes.length !== vdurations.length) {
    throw new RangeError(
      `The visemes do not fit together: ${visemes.length} names, ${vtimes.length} times, ${vdurations.length} durations.`,
    );
  }
  const shapes = [];
  visemes.forEach((name, index) => {
    const [start, duration] = [vtimes[index], vdurations[index]];
    if (!VISEMES.includes(name)) throw new RangeError(`The viseme ${JSON.stringify(name)} is not one of ${VISEMES.join(', ')}.`);
    if (!Number.isFinite(start) || !Number.isFinite(duration) || duration < 0) {
      throw new RangeError(`Viseme ${index} (${name}) lasts from ${start} ms for ${duration} ms, which is no stretch of time.`);
    }
    if (name !== 'sil' && duration > 0) shapes.push({ name, onset: start, duration }); // silence is the absence of a shape
  });
  shapes.sort((a, b) => a.onset - b.onset);
  shapes.forEach((shape, index) => {
    const pause = (shapes[index + 1]?.onset ?? Infinity) - shape.onset - shape.duration;
    Object.assign(shape, curve(shape.onset, shape.duration, pause < PAUSE_LEAST_MS ? TAIL_MAX_MS : TAIL_BEFORE_PAUSE_MS));
  });
  shapes.sort((a, b) => a.start - b.start);
  let latest = -Infinity;
  return {
    names: shapes.map((shape) => shape.name),
    starts: Float64Array.from(shapes, (shape) => shape.start),
    formed: Float64Array.from(shapes, (shape) => shape.formed),
    held: Float64Array.from(shapes, (shape) => shape.held),
    ends: Float64Array.from(shapes, (shape) => shape.end),
    latest: Float64Array.from(shapes, (shape) => (latest = Math.max(latest, shape.end))),
  };
}

function curve(start, duration, tailMax) {
  const formed = start + Math.min(duration / 2, ATTACK_MAX_MS);
  return {
    start: start - Math.min((2 * duration) / 3, LEAD_MAX_MS),
    formed,
    held: Math.max(formed, start + duration - Math.min(duration / 2, RELEASE_MAX_MS)),
    end: start + duration + Math.min(duration / 2, tailMax),
  };
}

/** How far a shape is formed at its height, 0…1. @param {string} name */
export const peakOf = (name) => (CLOSURES.includes(name) ? CLOSURE_PEAK : PEAK);

/** A mouth at rest. @returns {Weights} */
export function restWeights() {
  return Object.fromEntries(VISEMES.map((name) => [name, 0]));
}

/**
 * The mouth `ms` after the start of a segment.
 *
 * @param {Timeline} timeline
 * @param {number} ms may lie before the segment (anticipation) or after it (decay)
 * @param {Weights} [out] is filled and returned, so that a frame loop allocates nothing
 * @returns {Weights}
 */
export function weightsAt(timeline, ms, out = restWeights()) {
  return weightsOf([{ timeline, ms }], out);
}

/**
 * The mouth where several segments touch: the end of one and the beginning of the next are in it together.
 *
 * @param {{timeline: Timeline, ms: number}[]} parts each segment with the moment inside it
 * @param {Weights} [out] is filled and returned
 * @returns {Weights}
 */
export function weightsOf(parts, out = restWeights()) {
  for (const name of VISEMES) out[name] = 0;
  for (const { timeline, ms } of parts) raise(timeline, ms, out);
  keepClosures(out);
  return out;
}

/** Raises `out` to what one timeline shows at `ms`. */
function raise({ names, starts, formed, held, ends, latest }, ms, out) {
  for (let index = lastAtOrBefore(starts, ms); index >= 0 && latest[index] > ms; index--) {
    if (ms >= ends[index]) continue;
    let share = 1;
    if (ms < formed[index]) share = ease((ms - starts[index]) / (formed[index] - starts[index]));
    else if (ms > held[index]) share = 1 - ease((ms - held[index]) / (ends[index] - held[index]));
    const name = names[index];
    out[name] = Math.max(out[name], share * peakOf(name));
  }
}

/** Shapes around a closure give way to it, or the vowel after a "p" would hold the lips apart. */
function keepClosures(out) {
  const room = 1 - Math.max(...CLOSURES.map((name) => out[name])) / CLOSURE_PEAK;
  for (const name of VISEMES) if (!CLOSURES.includes(name)) out[name] *= room;
}

/** Index of the last of the ascending `values` that is not greater than `x`, or -1. */
function lastAtOrBefore(values, x) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
