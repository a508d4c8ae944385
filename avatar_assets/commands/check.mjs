// Avatar check on the command line: node check.mjs --json|--text FILE … . Prints a report on each file; see check.py for the exit status.

import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { getSystemErrorMap } from 'node:util';

const NOT_CHECKED = 2;
const [format, ...paths] = process.argv.slice(2);

/** The modules that the page inspects files with. */
async function loadModules() {
  try {
    const [{ inspectAvatar, oversizeReport }, { default: SPEC }] = await Promise.all([
      import('../web/avatar_file/inspect.mjs'),
      import('../web/avatar_file/spec.json', { with: { type: 'json' } }),
    ]);
    return { inspectAvatar, oversizeReport, SPEC };
  } catch (error) {
    console.error(`The check could not start (${error.message}). It needs Node.js 20.10 or newer; this is ${process.version}.`);
    return process.exit(NOT_CHECKED);
  }
}

const { inspectAvatar, oversizeReport, SPEC } = await loadModules();

/** The report on a file; one that is too big is refused unread. */
function reportOn(path) {
  const name = basename(path);
  return oversizeReport(name, statSync(path).size) ?? inspectAvatar(name, new Uint8Array(readFileSync(path))).report;
}

function textOf({ file, verdict, findings }) {
  const lines = [`${file}: ${SPEC.verdicts[verdict]}`];
  for (const [level, title] of Object.entries(SPEC.levels)) {
    const texts = findings.filter((one) => one.level === level).map(({ text }) => `    ${text}`);
    if (texts.length) lines.push(`  ${title}`, ...texts);
  }
  return lines.join('\n');
}

let status = 0;
for (const path of paths) {
  try {
    const report = reportOn(path);
    console.log(format === '--json' ? JSON.stringify(report) : textOf(report));
    status = Math.max(status, report.verdict === 'refused' ? 1 : 0);
  } catch (error) {
    if (error.errno === undefined) throw error;
    const [, reason] = getSystemErrorMap().get(error.errno) ?? ['', error.code];
    console.error(`${path}: cannot be read: ${reason}.`);
    status = NOT_CHECKED;
  }
}
process.exitCode = status;
