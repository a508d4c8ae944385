// What the page says of the engines: pure functions from what Python reports to plain words.

/** What each stage does for whoever talks. */
export const STAGES = { stt: 'Hearing', llm: 'Answers', tts: 'Voice' };
const EMBEDDED = { stt: 'basic offline hearing', llm: 'scripted answers', tts: 'basic offline voice' };

/**
 * @typedef {object} Standing How one engine stands, as Python reports it.
 * @property {string} title
 * @property {string} summary
 * @property {string} model
 * @property {boolean} embedded
 * @property {string} state idle, downloading, loading, ready, needs, unfit, failed or stopped
 * @property {string} detail
 * @property {number} done while downloading: bytes that are here
 * @property {number} total
 *
 * @typedef {Standing & {stage: 'stt' | 'llm' | 'tts', awaited: Standing[]}} Stage
 * The engine at work, and those that would be used before it.
 */

/** One line for the head of the page, and how good what is at work is. @param {Stage[]} stages */
export function lineOf(stages) {
  const failed = stages.find(({ state }) => state === 'failed');
  if (failed) return { quality: 'failed', line: `${failed.title} does not work: ${failed.detail || failed.summary}` };
  const awaited = stages.flatMap((stage) => stage.awaited);
  const coming = awaited.find(isComing);
  const aside = awaited.find(({ state }) => state === 'failed');
  let more = '';
  if (coming) more = coming.state === 'downloading' ? ` · ${coming.title} ${percent(coming)}` : ` · ${coming.title} is being loaded`;
  else if (aside) more = ` · ${aside.title} was set aside`;
  const basic = stages.filter(({ embedded }) => embedded).map(({ stage }) => EMBEDDED[stage]);
  if (!basic.length) return { quality: 'full', line: stages.map(({ title }) => title).join(' · ') + more };
  const what = basic.join(', ');
  return { quality: 'basic', line: `${what[0].toUpperCase()}${what.slice(1)}: what to expect${more}` };
}

/** Whether an engine is on its way, so that the page should look often. @param {Standing} engine */
export function isComing({ state }) {
  return state === 'downloading' || state === 'loading';
}

/** How an engine stands, as the end of a sentence that begins with its name; empty where it simply works. @param {Standing} engine */
export function stateOf(engine) {
  const { state, detail, done, total } = engine;
  if (state === 'ready') return '';
  if (state === 'downloading') return total ? `downloading ${percent(engine)}, ${size(done)} of ${size(total)}` : 'asking the hub for its files';
  if (state === 'loading') return 'is being loaded';
  if (state === 'failed') return `was set aside: ${detail}`;
  if (state === 'stopped') return detail;
  if (state === 'needs') return `needs a package: ${detail}`;
  if (state === 'unfit') return detail;
  return 'will be loaded';
}

/** What the user can do about an engine that is not at work: stop its download, have it tried again, or nothing. @param {Standing} engine */
export function remedyOf({ state }) {
  if (state === 'downloading') return 'stop';
  return state === 'failed' || state === 'stopped' ? 'retry' : null;
}

function percent({ done, total }) {
  return total ? `${Math.floor((100 * done) / total)} %` : '0 %';
}

/** Bytes in the units that shops and hubs use. */
function size(bytes) {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
