// Acts: what face and hands do at a stage direction, and by themselves while somebody speaks. Pure data and arithmetic.

/** How long a pause in the speech must be for the eyes to blink in it, in ms. */
const PAUSE_MS = 260;
/** How long before the end of a question the brows go up, in ms. */
const ASKING_MS = 800;

/**
 * @typedef {object} Act
 * @property {string} [mood] one of TalkingHead's, for as long as the person keeps speaking
 * @property {(still: boolean) => object} [template] for TalkingHead's `animFactory`: times in ms, values of morph targets and rotations;
 *   `still` asks for the face only
 * @property {string} [gesture] one of TalkingHead's hands
 * @property {Drawn} [drawn] the same for the drawn face
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

const face = (dt, vs) => (still) => ({ name: 'act', dt, vs: still ? onlyFace(vs) : vs });
const onlyFace = (vs) => Object.fromEntries(Object.entries(vs).filter(([name]) => !/^(head|body)/.test(name)));
const pair = (name, values) => ({ [`${name}Left`]: values, [`${name}Right`]: values });

/** By direction; Python knows the same names (`engines/text/directions.py`). @type {Record<string, Act>} */
export const ACTS = {
  smile: {
    mood: 'happy',
    template: face([350, 1600, 700], { ...pair('mouthSmile', [0.45, 0.4, 0]), ...pair('cheekSquint', [0.5, 0.4, 0]), headRotateZ: [0.05, 0.04, 0] }),
    drawn: { ms: 3500, smile: 0.5, brow: 2 },
  },
  laugh: {
    mood: 'happy',
    template: face([220, 260, 260, 260, 700], {
      ...pair('mouthSmile', [0.7, 0.65, 0.7, 0.6, 0]),
      jawOpen: [0.22, 0.1, 0.2, 0.1, 0],
      ...pair('eyeSquint', [0.7, 0.6, 0.7, 0.6, 0]),
      ...pair('cheekSquint', [0.8, 0.7, 0.8, 0.7, 0]),
      headRotateX: [-0.08, 0.02, -0.08, 0.02, 0],
    }),
    drawn: { ms: 2600, smile: 0.8, brow: 3, nod: 4, lids: 0.45 },
  },
  sad: {
    mood: 'sad',
    template: face([600, 1800, 800], { browInnerUp: [0.7, 0.6, 0], ...pair('mouthFrown', [0.35, 0.3, 0]), headRotateX: [0.12, 0.1, 0] }),
    drawn: { ms: 3500, smile: -0.9, slant: 11 },
  },
  surprised: {
    mood: 'neutral',
    template: face([180, 900, 600], {
      browInnerUp: [0.8, 0.6, 0],
      ...pair('browOuterUp', [0.8, 0.6, 0]),
      ...pair('eyeWide', [0.7, 0.5, 0]),
      headRotateX: [-0.07, -0.05, 0],
    }),
    drawn: { ms: 1800, brow: 15 },
  },
  angry: {
    mood: 'angry',
    template: face([250, 1500, 700], { ...pair('browDown', [0.7, 0.6, 0]), ...pair('noseSneer', [0.3, 0.25, 0]), headRotateX: [0.06, 0.05, 0] }),
    drawn: { ms: 3000, smile: -0.7, brow: -6, slant: -12 },
  },
  love: {
    mood: 'love',
    template: face([500, 1800, 800], { ...pair('mouthSmile', [0.4, 0.35, 0]), browInnerUp: [0.3, 0.25, 0], headRotateZ: [0.12, 0.1, 0] }),
    drawn: { ms: 3500, smile: 0.4, brow: 2, slant: 2, tilt: 5 },
  },
  think: {
    template: face([350, 1300, 500], {
      eyeContact: [0],
      eyesRotateY: [0.5, 0.4, 0],
      eyesRotateX: [-0.4, -0.35, 0],
      browInnerUp: [0.4, 0.35, 0],
      headRotateZ: [0.08, 0.07, 0],
    }),
    drawn: { ms: 2200, brow: 4, tilt: -5 },
  },
  wink: {
    template: face([110, 160, 180], { eyeBlinkLeft: [1, 1, 0], mouthSmileLeft: [0.5, 0.5, 0], headRotateZ: [0.05, 0.05, 0] }),
    drawn: { ms: 450, smile: 0.3, lids: 1, wink: true },
  },
  nod: {
    template: (still) => ({ name: 'act', dt: [220, 240, 240, 300], vs: still ? { browInnerUp: [0.3, 0.2, 0.3, 0] } : { headRotateX: [0.16, -0.02, 0.13, 0] } }),
    drawn: { ms: 1000, nod: 7 },
  },
  shake: {
    template: (still) => ({
      name: 'act',
      dt: [200, 260, 260, 320],
      vs: still ? pair('browDown', [0.3, 0.3, 0.3, 0]) : { headRotateY: [0.16, -0.16, 0.12, 0] },
    }),
    drawn: { ms: 1000, shake: 5 },
  },
  shrug: {
    gesture: 'shrug',
    template: face([300, 900, 600], { browInnerUp: [0.5, 0.4, 0], mouthShrugUpper: [0.4, 0.35, 0], headRotateZ: [0.1, 0.08, 0] }),
    drawn: { ms: 1600, brow: 5, tilt: 5, nod: -3 },
  },
  wave: { gesture: 'handup', template: face([300, 1500, 600], pair('mouthSmile', [0.4, 0.35, 0])), drawn: { ms: 2000, smile: 0.4, tilt: -5 } },
  point: { gesture: 'index', template: face([250, 900, 500], { browInnerUp: [0.35, 0.3, 0] }), drawn: { ms: 1500, brow: 4 } },
  thumbsup: { gesture: 'thumbup', template: face([300, 1500, 600], pair('mouthSmile', [0.45, 0.4, 0])), drawn: { ms: 2000, smile: 0.5, nod: 4 } },
  ok: { gesture: 'ok', template: face([300, 1200, 600], pair('mouthSmile', [0.3, 0.25, 0])), drawn: { ms: 1600, smile: 0.3, nod: 4 } },
  thanks: { gesture: 'namaste', template: face([400, 900, 700], { headRotateX: [0.14, 0.12, 0] }), drawn: { ms: 1800, smile: 0.3, nod: 6 } },
};

/** What nobody writes: done at pauses and questions. @type {Record<string, Act>} */
export const AUTOMATIC = {
  blink: { template: () => ({ name: 'act', dt: [70, 60, 110], vs: pair('eyeBlink', [1, 1, 0]) }), drawn: { ms: 190, lids: 1 } },
  ask: {
    template: face([250, 500, 450], { browInnerUp: [0.5, 0.45, 0], ...pair('browOuterUp', [0.3, 0.25, 0]), headRotateZ: [0.04, 0.03, 0] }),
    drawn: { ms: 1100, brow: 5 },
  },
};

/**
 * When a segment's acts are due: those that Python found in the text, and those that come by themselves.
 *
 * @param {object} segment as the stage's protocol carries it
 * @returns {{name: string, ms: number}[]} in their order
 */
export function cuesOf({ cues = [], ctimes = [], text = '', visemes = [], vtimes = [], vdurations = [] }) {
  const due = cues.map((name, index) => ({ name, ms: ctimes[index] ?? 0 })).filter(({ name }) => Object.hasOwn(ACTS, name));
  visemes.forEach((name, index) => {
    const inside = index > 0 && index < visemes.length - 1;
    if (name === 'sil' && inside && vdurations[index] >= PAUSE_MS) due.push({ name: 'blink', ms: vtimes[index] });
  });
  const end = visemes.length ? vtimes.at(-1) + vdurations.at(-1) : 0;
  if (/[?？؟]["'”’)\]]*\s*$/.test(text) && end) due.push({ name: 'ask', ms: Math.max(0, end - ASKING_MS) });
  return due.sort((one, other) => one.ms - other.ms);
}
