// Avatar source: where the bytes of a persona's avatar come from (a served file or one dropped on the page), checked and mended.

import { refusal } from '../avatar_file/inspect.mjs';
import { CONTRACT } from '../avatar_file/spec.mjs';
import { opened } from '../avatar_file/load.mjs';
import { megabytes } from '../avatar_file/errors.mjs';

/** The endings that a persona's avatar may have, in the order in which they are looked for. */
const ENDINGS = ['glb', 'vrm'];

/** @typedef {{report: import('../avatar_file/inspect.mjs').Report, bytes: Uint8Array | null}} AvatarFile `bytes` is null where the file cannot be shown */

/**
 * Reads a file that was dropped on the page.
 *
 * @param {File} file
 * @returns {Promise<AvatarFile>}
 */
export async function readDropped(file) {
  const { bytes: most } = CONTRACT.limits;
  if (file.size > most) return { report: refusal(file.name, 'too_big', { size: megabytes(file.size), most: Math.floor(most / 1e6) }), bytes: null };
  return opened(file.name, new Uint8Array(await file.arrayBuffer()));
}

/**
 * Fetches an avatar from the server.
 *
 * @param {string} avatar stem of a file in `avatars`
 * @returns {Promise<AvatarFile>}
 * @throws {Error} when there is no such file, or the server does not give it out
 */
export async function fetchAvatar(avatar) {
  for (const ending of ENDINGS) {
    const name = `../avatars/${encodeURIComponent(avatar)}.${ending}`;
    const answer = await fetch(new URL(name, import.meta.url));
    if (answer.ok) return opened(`${avatar}.${ending}`, new Uint8Array(await answer.arrayBuffer()));
    if (answer.status !== 404) throw new Error(`avatars/${avatar}.${ending} could not be read: the server answered ${answer.status}`);
  }
  throw new Error(`there is no ${ENDINGS.map((ending) => `avatars/${avatar}.${ending}`).join(' and no ')}`);
}

/** The report on a dropped file that was found sound and could not be drawn after all. @param {File} file  @param {Error} error */
export function undrawable(file, error) {
  return refusal(file.name, 'unshown', { why: String(error?.message ?? error).replace(/\.$/, '') });
}
