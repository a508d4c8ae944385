// Views: how near the camera stands. Pure arithmetic, in metres for the figure, in units of its drawing for the drawn face.

/** What can be chosen, and what it is called. */
export const VIEWS = { head: 'Head', upper: 'Upper body', full: 'Whole person' };
export const FIRST_VIEW = 'upper';
/** How long the camera takes to come or go, in ms. */
export const FLIGHT_MS = 900;

// The picture of the upper body: how much is seen (metres), and at which share of its height the eyes are.
const FRAME_HEIGHT_M = 0.58;
const FRAME_WIDTH_M = 0.44;
const EYES_FROM_TOP = 0.42; // room for hair that is tied up
/** TalkingHead: the eyes lie this far below what it takes for the top. */
const EYES_BELOW_TOP_M = 0.2;

const SHOTS = {
  head: { height: 0.38, width: 0.31, eyes: 0.43 },
  heads: { height: 0.38, width: 0.43, eyes: 0.43 }, // two heads, neither before the other
  upper: { height: FRAME_HEIGHT_M, width: FRAME_WIDTH_M, eyes: EYES_FROM_TOP },
};
/** Around a whole person: hands that wave and a little floor. In m. */
const ROOM = { above: 0.12, below: 0.14, width: 1.1 };

/** The viewBox of the drawn face: x, y, width, height. */
const DRAWN = { head: [85, 42, 230, 300], upper: [40, 20, 320, 400] };

/**
 * The view that suits everybody on the stage: two heads need more room, and beside a drawn face nobody shows their legs.
 *
 * @param {string} view one of VIEWS
 * @param {number} people how many
 * @param {boolean} drawn whether one of them is a drawn face
 * @returns {string} a view for `shotOf` and `drawnShotOf`
 */
export function viewOf(view, people, drawn) {
  if (view === 'full' && drawn) return 'upper';
  return view === 'head' && people > 1 ? 'heads' : view;
}

/**
 * What the camera sees of somebody who is `top` tall.
 *
 * @param {string} view see `viewOf`
 * @param {{width: number, height: number}} picture in px
 * @param {number} top height of the figure in m, as TalkingHead measures it
 * @returns {{seen: number, centre: number}} height of the picture and of its middle, in m
 */
export function shotOf(view, { width, height }, top) {
  if (view === 'full') {
    const seen = Math.max(ROOM.above + top + ROOM.below, (ROOM.width * height) / width);
    return { seen, centre: (top + ROOM.above - ROOM.below) / 2 };
  }
  const shot = SHOTS[view];
  const seen = Math.max(shot.height, (shot.width * height) / width);
  return { seen, centre: top - EYES_BELOW_TOP_M - (0.5 - shot.eyes) * seen };
}

/** The same for the drawn face, which has no legs: its whole person is the upper body. @returns {number[]} */
export function drawnShotOf(view) {
  return DRAWN[view] ?? DRAWN.upper;
}

/**
 * A flight from one shot to another, both numbers of the same names; slow at both ends.
 *
 * @template {object} Shot
 * @param {Shot} from
 * @param {Shot} to
 * @param {number} ms since it began
 * @returns {Shot}
 */
export function between(from, to, ms) {
  const share = Math.min(1, Math.max(0, ms / FLIGHT_MS));
  const eased = share * share * (3 - 2 * share);
  const mixed = Array.isArray(to) ? [] : {};
  for (const name of Object.keys(to)) mixed[name] = from[name] + (to[name] - from[name]) * eased;
  return mixed;
}
