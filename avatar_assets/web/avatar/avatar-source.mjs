// Avatar source: where the bytes of a persona's avatar come from (a served file or one dropped on the page), checked and mended.

import { loadAvatar } from '../avatar_file/load.mjs';
import { oversizeReport, refusedReport } from '../avatar_file/report.mjs';
import SPEC from '../avatar_file/spec.json' with { type: 'json' };

/**
 * @typedef {object} AvatarFile
 * @property {import('../avatar_file/report.mjs').Report} report
 * @property {Uint8Array | null} bytes checked and mended; null where the file cannot be shown
 */

/**
 * Reads a file that was dropped on the page.
 *
 * @param {File} file
 * @returns {Promise<AvatarFile>}
 */
export async function readDropped(file) {
  const report = oversizeReport(file.name, file.size);
  if (report) return { report, bytes: null };
  try {
    return await loadAvatar(file.name, new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    return { report: undrawable(file, error), bytes: null }; // it was deleted meanwhile, or the browser may not read it
  }
}

/**
 * Fetches an avatar from the server.
 *
 * @param {string} avatar stem of a file in `avatars`
 * @returns {Promise<AvatarFile>}
 * @throws {Error} when there is no such file, or the server does not give it out
 */
export async function fetchAvatar(avatar) {
  for (const ending of SPEC.endings) {
    const name = `../avatars/${encodeURIComponent(avatar)}${ending}`;
    const answer = await fetch(new URL(name, import.meta.url));
    if (answer.ok) return loadAvatar(`${avatar}${ending}`, new Uint8Array(await answer.arrayBuffer()));
    if (answer.status !== 404) throw new Error(`avatars/${avatar}${ending} could not be read: the server answered ${answer.status}`);
  }
  throw new Error(`there is no ${SPEC.endings.map((ending) => `avatars/${avatar}${ending}`).join(' and no ')}`);
}

/** The report on a dropped file that could not be read, or was found sound and could not be drawn after all. @param {File} file  @param {Error} error */
export function undrawable(file, error) {
  return refusedReport(file.name, 'unshown', { why: String(error?.message ?? error).replace(/\.$/, '') });
}
