// Engine panel: the line about engines in the head of the page, and behind it what works, what is on its way, and the choice of others.
import { make } from './dom.mjs';

/** What each stage does for whoever talks. */
const STAGES = { stt: 'Hearing', llm: 'Answers', tts: 'Voice' };
const EMBEDDED = { stt: 'basic offline hearing', llm: 'scripted answers', tts: 'basic offline voice' };
const BEST = 'The best that can be loaded';
const REMEDIES = { stop: 'Cancel', retry: 'Retry' };

/**
 * @typedef {object} EngineStatus How one engine is, as Python reports it.
 * @property {string} title
 * @property {string} summary
 * @property {string} model
 * @property {boolean} embedded
 * @property {string} state idle, downloading, loading, ready, needs, unfit, failed or stopped
 * @property {string} detail
 * @property {number} done while downloading: bytes that are here
 * @property {number} total
 *
 * @typedef {EngineStatus & {stage: 'stt' | 'llm' | 'tts', awaited: EngineStatus[]}} Stage
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

/** Whether an engine is on its way, so that the page should look often. @param {EngineStatus} engine */
export function isComing({ state }) {
  return state === 'downloading' || state === 'loading';
}

/** How an engine is, as the end of a sentence that begins with its name; empty where it simply works. @param {EngineStatus} engine */
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

/** What the user can do about an engine that is not at work: stop its download, have it tried again, or nothing. @param {EngineStatus} engine */
export function remedyOf({ state }) {
  if (state === 'downloading') return 'stop';
  return state === 'failed' || state === 'stopped' ? 'retry' : null;
}

export class EnginePanel {
  #details;
  #order;
  #sections;
  #shown = '';

  /** @param {HTMLDetailsElement} details  @param {(order: object) => Promise<{problem: string}>} order tells Python what the user wants */
  constructor(details, order) {
    this.#details = details;
    this.#order = order;
    document.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#fold(true));
    document.addEventListener('pointerdown', ({ target }) => details.contains(target) || this.#fold(false));
    window.addEventListener('blur', () => document.activeElement?.tagName === 'IFRAME' && this.#fold(false)); // a press on the stage
  }

  /** Whether something is on its way, which the page then asks after more often. */
  busy = false;

  /** Shows what Python's `state` answered. */
  show({ engines, choosable }) {
    const shown = JSON.stringify([engines, choosable]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.busy = engines.some(({ awaited }) => awaited.some(isComing));
    const { line, quality } = lineOf(engines);
    this.#details.querySelector('.engines-line').textContent = line;
    this.#details.dataset.quality = quality;
    this.#sections ??= this.#build(engines, choosable, quality);
    for (const stage of engines) this.#sections.get(stage.stage).show(stage);
  }

  #build(engines, choosable, quality) {
    const sections = new Map(engines.map((stage) => [stage.stage, new Section(stage, choosable, this.#order)]));
    const panel = this.#details.querySelector('.engines-panel');
    panel.replaceChildren(...[...sections.values()].map(({ element }) => element));
    if (!choosable) panel.append(make('p', 'engines-hint', {}, 'Whoever started the app chooses the engines.'));
    if (quality === 'basic') panel.append(make('p', 'engines-hint', {}, 'Better ones: README, “Add real models”.'));
    return sections;
  }

  /** Closes the panel, which covers what is below it. */
  #fold(byKey) {
    if (byKey && this.#details.contains(document.activeElement)) this.#details.querySelector('summary').focus();
    this.#details.open = false;
  }
}

/** One stage: its engine, those awaited, and the form to choose another. */
class Section {
  #list = make('ul', 'engines-list');
  #problem = make('p', 'problem', { role: 'alert' });
  #stage;
  #order;
  #form = null;

  constructor({ stage, offers, wish }, choosable, order) {
    this.#stage = stage;
    this.#order = order;
    this.element = make('section', 'engines-stage', { 'aria-label': STAGES[stage], 'data-stage': stage });
    this.element.append(make('h2', '', {}, STAGES[stage]), this.#list, this.#problem);
    if (!choosable) return;
    this.#form = new Choice(stage, offers, (choose) => this.#tell({ choose }));
    this.#form.wish(wish);
    this.element.insertBefore(this.#form.element, this.#problem);
  }

  show(stage) {
    const focused = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(this.#item(stage, stage.summary), ...stage.awaited.map((better) => this.#item(better, '')));
    if (focused) (this.#list.querySelector('button') ?? this.element.querySelector('select, summary'))?.focus();
    this.#form?.wish(stage.wish);
  }

  #item(engine, summary) {
    const item = make('li', 'engine', { 'data-state': engine.state });
    item.append(make('b', '', {}, engine.title));
    if (engine.model) item.append(' ', make('code', '', {}, engine.model));
    if (summary) item.append(` ${summary}`);
    const state = stateOf(engine);
    if (state) item.append(' ', make('em', '', {}, state));
    if (engine.state === 'downloading') item.append(bar(engine));
    const remedy = this.#form && remedyOf(engine);
    if (remedy) {
      const button = make('button', 'remedy', { type: 'button', 'aria-label': `${REMEDIES[remedy]}: ${engine.title}` }, REMEDIES[remedy]);
      button.addEventListener('click', () => this.#tell({ [remedy]: true }));
      item.append(' ', button);
    }
    return item;
  }

  async #tell(order) {
    const answer = await this.#order({ stage: this.#stage, ...order }).catch(() => ({ problem: 'The app does not answer; is it still running?' }));
    this.#problem.textContent = answer?.problem ?? '';
  }
}

/** Engine and model by name; what the user is typing is never overwritten. */
class Choice {
  #wish = '';
  #select;
  #model;
  #offers;

  constructor(stage, offers, choose) {
    this.#offers = offers;
    this.element = make('form', 'choice');
    this.#select = make('select', '', { 'aria-label': `Engine for ${STAGES[stage].toLowerCase()}` });
    this.#select.append(make('option', '', { value: '' }, BEST), ...offers.map((offer) => this.#option(offer)));
    this.#model = make('input', '', { type: 'text', list: `models-${stage}`, placeholder: 'its usual model', 'aria-label': 'Model', spellcheck: false });
    const models = make('datalist', '', { id: `models-${stage}` });
    this.element.append(this.#select, this.#model, models, make('button', '', { type: 'submit' }, 'Use'));
    this.#select.addEventListener('change', () => {
      this.#model.value = '';
      this.#suggest(models);
    });
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      const model = this.#model.hidden ? '' : this.#model.value.trim();
      choose(this.#select.value && model ? `${this.#select.value}:${model}` : this.#select.value);
    });
    this.#suggest(models);
  }

  /** What is wished for now, by whoever. */
  wish(wish) {
    if (wish === this.#wish) return;
    this.#wish = wish;
    const colon = wish.indexOf(':');
    this.#select.value = colon < 0 ? wish : wish.slice(0, colon);
    this.#model.value = colon < 0 ? '' : wish.slice(colon + 1);
    this.#suggest(this.element.querySelector('datalist'));
  }

  #option({ name, title, state, detail }) {
    const why = { needs: ' (not installed)', unfit: ` (${detail})` }[state] ?? '';
    return make('option', '', { value: name }, title + why);
  }

  #suggest(models) {
    const offer = this.#offers.find(({ name }) => name === this.#select.value);
    models.replaceChildren(...(offer?.models ?? []).map((value) => make('option', '', { value })));
    this.#model.hidden = !offer?.takesModel;
  }
}

function bar({ done, total }) {
  const share = total ? Math.floor((100 * done) / total) : 0;
  const element = make('span', 'bar', { role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': share });
  element.style.setProperty('--share', `${share}%`);
  return element;
}

function percent({ done, total }) {
  return total ? `${Math.floor((100 * done) / total)} %` : '0 %';
}

/** Bytes in the units that shops and hubs use. */
function size(bytes) {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
