// Avatar check on the command line: node check.mjs --json|--text FILE … . Prints a report on each file; see check.py for the exit status.

import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { getSystemErrorMap } from 'node:util';

const NOT_CHECKED = 2;
const [format, ...paths] = process.argv.slice(2);

const SPEC = JSON.parse(readFileSync(new URL('../web/avatar_file/spec.json', import.meta.url), 'utf8'));

const [{ inspectAvatar }, { oversizeReport }] = await Promise.all([
  import('../web/avatar_file/inspect.mjs'),
  import('../web/avatar_file/report.mjs'),
]).catch((error) => {
  console.error(`The check could not start (${error.message}). It needs Node.js 20.10 or newer; this is ${process.version}.`);
  process.exit(NOT_CHECKED);
});

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
    const [, reason] = getSystemErrorMap().get(error.errno) ?? [];
    console.error(reason ? `${path}: cannot be read: ${reason}.` : `${path}: the check itself failed; please report this. ${error.stack}`);
    status = NOT_CHECKED;
  }
}
process.exitCode = status;
