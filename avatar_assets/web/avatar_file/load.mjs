// Opening: from the bytes of an avatar file to those that are shown: checked, unpacked where it is packed, mended where that is needed.

import { check, refusal } from './inspect.mjs';
import { writeGlb } from './glb.mjs';
import { mend } from './repair.mjs';
import { packingsOf } from './packing.mjs';
import { Refusal } from './errors.mjs';

/**
 * Opens a file.
 *
 * @param {string} name
 * @param {Uint8Array} bytes
 * @returns {Promise<{report: import('./inspect.mjs').Report, bytes: Uint8Array | null}>} null where the file cannot be shown
 */
export async function opened(name, bytes) {
  const { report, file, plan } = check(name, bytes);
  if (!file) return { report, bytes: null };
  if (!packingsOf(file.json).length) return { report, bytes: plan?.needed ? mend(file, plan) : bytes };
  try {
    const { unpack } = await import('./unpack.mjs');
    const plain = await unpack(file);
    return { report, bytes: plan?.needed ? mend(plain, plan) : writeGlb(plain.json, plain.bin) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { report: { ...refusal(name, error.code, error.values), kind: report.kind }, bytes: null };
  }
}
