// What the page says of the engines at work: pure functions from what Python reports to plain words.

const STAGES = { stt: 'hearing', llm: 'answers', tts: 'voice' };
const EMBEDDED = { stt: 'basic offline hearing', llm: 'scripted answers', tts: 'basic offline voice' };

/**
 * @typedef {object} Engine One stage, as Python reports it.
 * @property {'stt' | 'llm' | 'tts'} stage
 * @property {string} title
 * @property {string} summary
 * @property {boolean} embedded
 * @property {string} state idle, loading, ready, needs, unfit or failed
 * @property {string} detail
 * @property {{title: string, state: string, detail: string}[]} awaited engines that would be used before this one
 */

/** One line for the head of the page, and how good what is at work is. @param {Engine[]} engines */
export function lineOf(engines) {
  const failed = engines.find(({ state }) => state === 'failed');
  if (failed) return { quality: 'failed', line: `${failed.title} does not work: ${failed.detail || failed.summary}` };
  const coming = engines.flatMap(({ awaited }) => awaited).find(({ state }) => state === 'loading');
  const more = coming ? ` · ${coming.title} is being loaded` : '';
  const basic = engines.filter(({ embedded }) => embedded).map(({ stage }) => EMBEDDED[stage]);
  if (!basic.length) return { quality: 'full', line: engines.map(({ title }) => title).join(' · ') + more };
  const what = basic.join(', ');
  return { quality: 'basic', line: `${what[0].toUpperCase()}${what.slice(1)}: what to expect${more}` };
}

/** Everything there is to say of one stage: its engine, then those that are waited for. @param {Engine} engine */
export function notesOf({ stage, title, summary, state, detail, awaited }) {
  return [
    { name: `${title}, ${STAGES[stage]}`, text: summary, state: state === 'ready' ? '' : sentence(state, detail) },
    ...awaited.map((better) => ({ name: better.title, text: '', state: sentence(better.state, better.detail) })),
  ];
}

function sentence(state, detail) {
  if (state === 'loading') return 'is being loaded';
  if (state === 'failed') return `was set aside: ${detail}`;
  if (state === 'needs') return `needs a package: ${detail}`;
  if (state === 'unfit') return detail;
  return 'will be loaded';
}
