// Camera views: how much of a person is seen, from head to whole person. Pure arithmetic on `views.json`, which Python reads too.

import TABLE from './views.json' with { type: 'json' };

/** What can be chosen, and what it is called. @type {Record<string, string>} */
export const VIEWS = Object.fromEntries(Object.entries(TABLE.views).map(([name, { title }]) => [name, title]));
export const FIRST_VIEW = TABLE.first;
/** How long the camera takes to come or go, in ms. */
export const FLIGHT_MS = 900;

/**
 * Least height and width of what is seen, in m, and at which share of its height the eyes are; of a whole person the room above and below.
 * Two heads need more width, so that neither stands before the other.
 */
const SHOTS = { ...TABLE.views, heads: TABLE.heads };
/** TalkingHead: the eyes lie this far below what it takes for the top. */
const EYES_BELOW_TOP_M = 0.2;

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
  const shot = SHOTS[view];
  if (view === 'full') {
    const seen = Math.max(shot.above + top + shot.below, (shot.width * height) / width);
    return { seen, centre: (top + shot.above - shot.below) / 2 };
  }
  const seen = Math.max(shot.height, (shot.width * height) / width);
  return { seen, centre: top - EYES_BELOW_TOP_M - (0.5 - shot.eyes) * seen };
}

/** The same for the 2-D face, as its viewBox: x, y, width, height. It has no legs: its whole person is the upper body. */
export function drawnShotOf(view) {
  return SHOTS[view]?.drawn ?? SHOTS.upper.drawn;
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
