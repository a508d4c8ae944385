// Gestures: what the body does while it listens, thinks and speaks, in TalkingHead's animation templates.

const between = (least, most) => least + Math.random() * (most - least);
const eitherSide = (size) => (Math.random() < 0.5 ? -size : size);

/** Hands of somebody less lively than this stay down. */
export const HANDS_FROM = 0.3;
/** How much TalkingHead's body and head move at a liveliness of 1: face to face, the calmer half of its poses. */
const MOVEMENT = { modelMovementFactor: 0.5, avatarIdleHeadMove: 0.4, avatarSpeakingHeadMove: 0.5 };
const MOVEMENT_STILL = { modelMovementFactor: 0.1, avatarIdleHeadMove: 0, avatarSpeakingHeadMove: 0 };

/** TalkingHead's options for somebody who is so lively; `still` where motion shall be reduced. */
export function movementOf(liveliness, still) {
  if (still) return MOVEMENT_STILL;
  return Object.fromEntries(Object.entries(MOVEMENT).map(([name, value]) => [name, value * Math.sqrt(liveliness)]));
}

/** TalkingHead takes its options of the head's movements when it is made; from now on each movement takes what they are then. */
export function followOptions(head) {
  for (const [state, option] of Object.entries({ idle: 'avatarIdleHeadMove', speaking: 'avatarSpeakingHeadMove' })) {
    const now = () => head.opt[option];
    for (const { vs } of head.animTemplateEyes[state].alt) vs.headMove = vs.headMove.map((value) => (value === null ? null : now));
  }
}

/**
 * By state: `every` gives the ms until the next cue, `template` an animation for TalkingHead's `animFactory` (times in ms,
 * values of morph targets and rotations). `still` asks for eyes and brows only. While speaking it is TalkingHead's own hands,
 * moved with probability `chance`.
 */
export const CUES = {
  listening: {
    every: () => between(3200, 5200),
    template: (still) => ({
      name: 'listening',
      dt: [500, 2400, 300, 300, 500],
      vs: {
        eyeContact: [1],
        browInnerUp: [0.3, 0.3, 0.35, 0.2, 0],
        ...(!still && {
          headMove: [0],
          bodyRotateX: [0.07, 0.07, 0.07, 0.05, 0],
          headRotateZ: [eitherSide(0.07), 0.04, 0.04, 0.02, 0],
          headRotateX: [0, 0, 0.12, -0.02, 0], // a nod
        }),
      },
    }),
  },
  thinking: {
    every: () => between(2600, 3600),
    template: (still) => {
      const side = eitherSide(1);
      return {
        name: 'thinking',
        dt: [400, 1900, 500],
        vs: {
          eyeContact: [0],
          eyesRotateY: [0.55 * side, 0.45 * side, 0],
          eyesRotateX: [-0.5, -0.4, 0],
          browInnerUp: [0.45, 0.4, 0],
          mouthPressLeft: [0.3, 0.3, 0],
          mouthPressRight: [0.3, 0.3, 0],
          ...(!still && { headMove: [0], headRotateY: [0.14 * side, 0.12 * side, 0], headRotateX: [-0.08, -0.06, 0] }),
        },
      };
    },
  },
  speaking: { every: () => between(2500, 5500), chance: 0.6 },
};
