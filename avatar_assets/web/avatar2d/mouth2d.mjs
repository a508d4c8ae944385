// 2-D mouth: from the fifteen weights to the outlines of lips, teeth and tongue. Pure arithmetic, no DOM.

import { peakOf } from '../lipsync/viseme-curves.mjs';

/**
 * What makes a mouth shape visible, at its full weight. `open` 0…1 is the gap between the lips, `wide` -1…1 narrows or
 * spreads them, `round` purses them, `press` presses them together, `tuck` draws the lower lip under the upper teeth,
 * `upper` and `lower` bare the teeth, `tongue` lifts its tip from the floor of the mouth (0) to the teeth (1) and beyond.
 */
const SHAPES = {
  PP: { wide: -0.12, press: 1 },
  FF: { open: 0.15, wide: 0.05, upper: 1, tuck: 1 },
  TH: { open: 0.36, wide: 0.05, upper: 0.45, tongue: 1.15 },
  DD: { open: 0.27, wide: 0.16, upper: 0.6, lower: 0.3, tongue: 0.62 },
  kk: { open: 0.44, wide: 0.12, upper: 0.35, tongue: 0.2 },
  CH: { open: 0.34, wide: -0.42, round: 0.65, upper: 0.85, lower: 0.85 },
  SS: { open: 0.24, wide: 0.34, upper: 1, lower: 1 },
  nn: { open: 0.2, wide: 0.02, upper: 0.35, tongue: 0.85 },
  RR: { open: 0.3, wide: -0.34, round: 0.5, upper: 0.25, tongue: 0.4 },
  aa: { open: 1, wide: 0.06, upper: 0.4, tongue: 0.12 },
  E: { open: 0.56, wide: 0.44, upper: 0.6, tongue: 0.2 },
  I: { open: 0.34, wide: 0.62, upper: 0.8, lower: 0.35 },
  O: { open: 0.72, wide: -0.46, round: 1 },
  U: { open: 0.3, wide: -0.85, round: 1 },
};
const FEATURES = ['open', 'wide', 'round', 'press', 'tuck', 'upper', 'lower', 'tongue'];

const HALF_WIDTH = 31;
const OPENING = 44;

const mix = (from, to, share) => from + (to - from) * share;
/** A template tag for SVG paths: every number with two decimals. */
const path = (texts, ...numbers) => String.raw({ raw: texts }, ...numbers.map((number) => number.toFixed(2)));

/**
 * Mixes the features of all shapes by their weights.
 *
 * @param {import('../lipsync/viseme-curves.mjs').Weights} weights
 * @returns {Record<string, number>} each of the features of SHAPES
 */
export function featuresOf(weights) {
  const features = Object.fromEntries(FEATURES.map((name) => [name, 0]));
  let total = 0;
  for (const [name, shape] of Object.entries(SHAPES)) {
    const share = weights[name] / peakOf(name);
    total += share;
    for (const feature of Object.keys(shape)) features[feature] += share * shape[feature];
  }
  if (total > 1) for (const name of FEATURES) features[name] /= total; // two sounds at once share the mouth
  return features;
}

/**
 * The outlines of a mouth around (0, 0), y downwards, about 60 wide at rest.
 *
 * @param {import('../lipsync/viseme-curves.mjs').Weights} weights
 * @param {number} [smile] -1 (sad) … 1 (beaming): what a closed mouth expresses
 * @returns {{lips: string, gap: string, upper: number, lower: number, tongue: {y: number, rx: number, ry: number}, jaw: number}}
 *   SVG paths of the lips and of the gap between them, the edges of the teeth, the tongue, and how far the chin drops
 */
export function mouthOf(weights, smile = 0) {
  const { open, wide, round, press, tuck, upper, lower, tongue } = featuresOf(weights);
  const width = HALF_WIDTH * (1 + 0.62 * wide + 0.08 * Math.max(0, smile) * (1 - round));
  const gap = OPENING * open;
  const top = -0.28 * gap;
  const bottom = 0.72 * gap;
  const lift = 7 * smile * (1 - round) * (1 - 0.55 * open); // how far the corners lie above the middle
  const bend = mix(0.5, 1.02, round); // pointed corners or a full oval
  const upperLip = 4.6 * (1 - 0.55 * press) * (1 + 0.5 * round);
  const lowerLip = 6.8 * (1 - 0.5 * press) * (1 + 0.35 * round) * (1 - 0.65 * tuck);
  const corner = width + mix(2, 5, round);
  const [high, low] = [top - upperLip, bottom + lowerLip];
  const cheek = corner * mix(0.72, 1, round); // where the curve of the upper lip turns inwards
  const rim = mix(-lift, high, 0.75);
  const [crest, dip] = [high - 2.2, high + 1.6 * (1 - round)]; // the bow in the middle of the upper lip
  const below = corner * bend * 1.04;
  const handle = width * bend;
  return {
    lips: path`M ${-corner} ${-lift} C ${-cheek} ${rim} ${-width * 0.42} ${crest} ${-width * 0.2} ${crest + 0.8}
      Q 0 ${dip} ${width * 0.2} ${crest + 0.8} C ${width * 0.42} ${crest} ${cheek} ${rim} ${corner} ${-lift}
      C ${below} ${reach(low, -lift)} ${-below} ${reach(low, -lift)} ${-corner} ${-lift} Z`,
    gap: path`M ${-width} ${-lift} C ${-handle} ${reach(top, -lift)} ${handle} ${reach(top, -lift)} ${width} ${-lift}
      C ${handle} ${reach(bottom, -lift)} ${-handle} ${reach(bottom, -lift)} ${-width} ${-lift} Z`,
    upper: top + upper * Math.min(10, 0.75 * gap),
    lower: bottom - lower * Math.min(7, 0.45 * gap),
    tongue: { y: mix(bottom + 5, top + Math.min(10, 0.75 * gap) * 0.9 + 5, tongue), rx: width * 0.62, ry: 7 + 0.1 * gap },
    jaw: 0.42 * gap,
  };
}

/** Where the two handles of a cubic curve between corners at `edge` must lie for its middle to reach `middle`. */
function reach(middle, edge) {
  return (middle - edge / 4) / 0.75;
}
