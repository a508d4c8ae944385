// Report on an avatar file: findings with their sentences, and a verdict.

import SPEC from './spec.json' with { type: 'json' };
import { displayText, formatMegabytes } from './errors.mjs';

/**
 * @typedef {object} Finding
 * @property {string} code of the spec
 * @property {'refused' | 'missing' | 'mended' | 'note'} level
 * @property {string} text a sentence
 *
 * @typedef {object} Report
 * @property {string} file
 * @property {'glb' | 'vrm0' | 'vrm1' | ''} kind
 * @property {'refused' | 'partly' | 'mended' | 'ready'} verdict
 * @property {string} licence as the file tells it
 * @property {Finding[]} findings
 */

/** A finding with its sentence. @returns {Finding} */
export function makeFinding(code, values = {}) {
  const [level, sentence] = SPEC.findings[code];
  return { code, level, text: sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name])) };
}

/** The report of a file that is refused for one reason. @returns {Report} */
export function refusedReport(file, code, values = {}) {
  return { file: displayText(file), kind: '', verdict: 'refused', licence: '', findings: [makeFinding(code, values)] };
}

/** The report of a file that is too big to be read. @returns {Report | null} null where it may be read */
export function oversizeReport(file, bytes) {
  const { bytes: most } = SPEC.limits;
  return bytes > most ? refusedReport(file, 'too_big', { size: formatMegabytes(bytes), most: Math.floor(most / 1e6) }) : null;
}
