// Avatar loading: from the bytes of a file to those that are shown: inspected, decompressed where needed, repaired where needed.

import { inspectAvatar } from './inspect.mjs';
import { writeGlb } from './glb.mjs';
import { repairAvatar } from './repair.mjs';
import { packingsOf } from './packing.mjs';
import { ValidationError } from './errors.mjs';
import { refusedReport } from './report.mjs';

/**
 * Loads a file.
 *
 * @param {string} name
 * @param {Uint8Array} bytes
 * @returns {Promise<{report: import('./report.mjs').Report, bytes: Uint8Array | null}>} null where the file cannot be shown
 */
export async function loadAvatar(name, bytes) {
  const { report, file, plan } = inspectAvatar(name, bytes);
  if (!file) return { report, bytes: null };
  if (!packingsOf(file.json).length) return { report, bytes: plan?.needed ? repairAvatar(file, plan) : bytes };
  try {
    const { unpack } = await import('./unpack.mjs');
    const plain = await unpack(file);
    return { report, bytes: plan?.needed ? repairAvatar(plain, plan) : writeGlb(plain.json, plain.bin) };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { report: { ...refusedReport(name, error.code, error.values), kind: report.kind }, bytes: null };
  }
}
