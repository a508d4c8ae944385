// Engine panel: the line about engines in the head of the page, and behind it what works, what is on its way, and the choice of others.
import { closeByLeaving, make } from '../page/dom.mjs';

/** What each stage does for whoever talks. */
const STAGES = { stt: 'Hearing', llm: 'Answers', tts: 'Voice' };
const EMBEDDED = { stt: 'basic offline hearing', llm: 'scripted answers', tts: 'basic offline voice' };
const BEST = 'The best that can be loaded';
const REMEDIES = { stop: 'Cancel', retry: 'Retry' };
const ANSWERS = { yes: 'Yes', no: 'No', later: 'Later' };

/**
 * @typedef {object} EngineStatus How one engine is, as Python reports it.
 * @property {string} title
 * @property {string} summary
 * @property {string} model
 * @property {string} selection NAME or NAME:MODEL
 * @property {boolean} embedded
 * @property {string} state idle, asks, downloading, loading, ready, needs, unfit, failed or stopped
 * @property {string} detail
 * @property {number | null} retryInS seconds until an engine that was set aside is tried again by itself; null where it is not
 * @property {number} done while downloading: bytes that are here
 * @property {number} total bytes of all its files; while it asks, those that are still to come
 * @property {string} source while downloading: where it comes from
 * @property {number | null} leftS while downloading: seconds that it will still take, as far as can be told
 *
 * @typedef {EngineStatus & {stage: 'stt' | 'llm' | 'tts', awaited: EngineStatus[], downloads: EngineStatus[]}} Stage
 * The engine at work, those that would be used before it, and downloads that were kept though another engine was chosen.
 */

/** One line for the head of the page, and how good what is at work is. @param {Stage[]} stages  @param {boolean} choosable whether the user may choose engines here */
export function lineOf(stages, choosable = true) {
  const failed = stages.find(({ state }) => state === 'failed');
  if (failed) return { quality: 'failed', line: `${failed.title} does not work: ${failed.detail || failed.summary}` };
  const coming = stages.flatMap(({ awaited, downloads }) => [...awaited, ...downloads]).find(isComing);
  const aside = stages.flatMap(({ awaited }) => awaited).find(({ state }) => state === 'failed');
  const asking = stages.flatMap(({ awaited }) => awaited).find(({ state }) => state === 'asks');
  let more = '';
  if (coming) more = coming.state === 'downloading' ? ` · ${coming.title} ${percent(coming)}` : ` · ${coming.title} is being loaded`;
  else if (asking && choosable) more = ` · ${asking.title}: fetch ${size(asking.total)}?`;
  else if (aside) more = ` · ${aside.title} was set aside`;
  const basic = stages.filter(({ embedded }) => embedded).map(({ stage }) => EMBEDDED[stage]);
  if (!basic.length) return { quality: 'full', line: stages.map(({ title }) => title).join(' · ') + more };
  const what = basic.join(', ');
  return { quality: 'basic', line: `${what[0].toUpperCase()}${what.slice(1)}: what to expect${more}` };
}

/** Whether an engine is on its way. @param {EngineStatus} engine */
export function isComing({ state }) {
  return state === 'downloading' || state === 'loading';
}

/** How an engine is, as the end of a sentence that begins with its name; empty where it simply works. @param {EngineStatus} engine */
export function stateOf(engine, choosable = true) {
  const { state, detail, done, total, source, leftS } = engine;
  if (state === 'ready') return '';
  if (state === 'asks') return `is a download of ${size(total)}: ${choosable ? 'fetch it now?' : 'whoever started the app is asked'}`;
  if (state === 'downloading' && !total) return 'asking the hub for its files';
  if (state === 'downloading') {
    const from = source ? ` from ${source}` : '';
    return `downloading ${percent(engine)}, ${size(done)} of ${size(total)}${from}${leftS === null ? '' : `, ${timeOf(leftS)} left`}`;
  }
  if (state === 'loading') return 'is being loaded';
  if (state === 'failed') return `was set aside: ${detail}${againOf(engine)}`;
  if (state === 'stopped') return detail;
  if (state === 'needs') return `needs a package: ${detail}`;
  if (state === 'unfit') return detail;
  return 'will be loaded';
}

/** How a download is that was kept though another engine was chosen. @param {EngineStatus} engine */
export function keptStateOf(engine) {
  return engine.state === 'downloading' ? `${stateOf(engine)}, kept for later` : `could not be downloaded: ${engine.detail}`;
}

/**
 * What the user can do about an engine that is not at work: stop its download, have it tried again, or nothing.
 *
 * @param {EngineStatus} engine
 * @param {boolean} choosable whether the user may choose engines here; who may not can still have one tried again that was set aside
 */
export function remedyOf({ state, retryInS }, choosable = true) {
  if (state === 'failed' && retryInS !== null) return 'retry';
  if (!choosable) return null;
  if (state === 'downloading') return 'stop';
  return state === 'failed' || state === 'stopped' ? 'retry' : null;
}

export class EnginePanel {
  #details;
  #order;
  #sections;
  #shown = '';
  #asked = false;

  /** @param {HTMLDetailsElement} details  @param {(order: object) => Promise<string>} order tells Python what the user wants; what is wrong with it */
  constructor(details, order) {
    this.#details = details;
    this.#order = order;
    closeByLeaving(details);
  }

  /** Shows what Python's `state` answered. */
  show({ engines, choosable }) {
    const shown = JSON.stringify([engines, choosable]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { line, quality } = lineOf(engines, choosable);
    this.#details.querySelector('.engines-line').textContent = line;
    this.#details.dataset.quality = quality;
    this.#sections ??= this.#build(engines, choosable, quality);
    for (const stage of engines) this.#sections.get(stage.stage).show(stage);
    const asks = choosable && engines.some(({ awaited }) => awaited.some(({ state }) => state === 'asks'));
    if (asks && !this.#asked) this.#details.open = true; // once: who closes it has seen the question
    this.#asked = asks;
  }

  #build(engines, choosable, quality) {
    const sections = new Map(engines.map((stage) => [stage.stage, new Section(stage, choosable, this.#order)]));
    const panel = this.#details.querySelector('.engines-panel');
    panel.replaceChildren(...[...sections.values()].map(({ element }) => element));
    if (!choosable) panel.append(make('p', 'engines-hint', {}, 'Whoever started the app chooses the engines.'));
    if (quality === 'basic' && !engines.some(({ awaited }) => awaited.length)) panel.append(make('p', 'engines-hint', {}, 'Better ones: README, “Add real models”.'));
    return sections;
  }
}

/** One stage: its engine, those awaited, downloads that were kept, and the form to choose another. */
class Section {
  #list = make('ul', 'engines-list');
  #question = make('p', 'engines-question', { role: 'alert' });
  #problem = make('p', 'problem', { role: 'alert' });
  #name;
  #choosable;
  #order;
  #form = null;
  #shape = '';
  #downloading = []; // what choosing another engine would stop

  constructor({ stage, options, requested }, choosable, order) {
    this.#name = stage;
    this.#choosable = choosable;
    this.#order = order;
    this.element = make('section', 'engines-stage', { 'aria-label': STAGES[stage], 'data-stage': stage });
    this.element.append(make('h2', '', {}, STAGES[stage]), this.#list);
    if (choosable) {
      this.#form = new Choice(stage, options, (selection) => this.#choose(selection));
      this.#form.show(requested);
      this.element.append(this.#form.element, this.#question);
    }
    this.element.append(this.#problem);
  }

  /** @param {Stage & {requested: string}} stage */
  show(stage) {
    const { awaited, downloads, requested } = stage;
    const engines = [stage, ...awaited, ...downloads];
    const shapes = engines.map(({ title, model, state, selection, retryInS }) => [title, model, state, selection, retryInS === null]);
    const shape = JSON.stringify(shapes);
    if (shape !== this.#shape) this.#draw(engines, stage.summary); // else a button would go away under the finger
    this.#shape = shape;
    engines.forEach((engine, index) => this.#update(this.#list.children[index], engine, index > awaited.length));
    this.#downloading = awaited.filter(({ state }) => state === 'downloading');
    if (!this.#downloading.length) this.#question.replaceChildren();
    this.#form?.show(requested);
  }

  #draw(engines, summary) {
    const focused = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...engines.map((engine, index) => this.#item(engine, index ? '' : summary)));
    if (focused) (this.#list.querySelector('button') ?? this.element.querySelector('select, summary'))?.focus();
  }

  #item(engine, summary) {
    const item = make('li', 'engine', { 'data-state': engine.state });
    item.append(make('b', '', {}, engine.title));
    if (engine.model) item.append(' ', make('code', '', {}, engine.model));
    if (summary) item.append(` ${summary}`);
    if (engine.state !== 'ready') item.append(' ', make('em'));
    if (engine.state === 'downloading') item.append(bar(engine.title));
    if (engine.state === 'asks' && this.#choosable) item.append(' ', ...this.#answers(engine));
    const remedy = remedyOf(engine, this.#choosable);
    if (remedy) {
      const order = remedy === 'stop' ? { stop: engine.selection } : { retry: true };
      item.append(' ', action('remedy', REMEDIES[remedy], () => this.#tell(order), `${REMEDIES[remedy]}: ${engine.title}`));
    }
    return item;
  }

  #answers({ title, selection }) {
    return Object.entries(ANSWERS).flatMap(([answer, text]) => [
      action('remedy', text, () => this.#tell({ answer, engine: selection }), `${text}: fetch ${title}`),
      ' ',
    ]);
  }

  #update(item, engine, kept) {
    if (engine.state === 'ready') return;
    item.querySelector('em').textContent = kept ? keptStateOf(engine) : stateOf(engine, this.#choosable);
    if (engine.state === 'downloading') showShare(item.querySelector('.bar'), engine);
  }

  /** Another engine is wanted: what becomes of a download that is under way is the user's choice. */
  #choose(selection) {
    const [other] = this.#downloading.filter((engine) => engine.selection !== selection);
    const choose = (keep) => {
      this.#question.replaceChildren();
      return this.#tell({ choose: selection, keep });
    };
    if (!other) return choose(false);
    const stop = action('remedy', 'Stop it', () => choose(false));
    const keep = action('remedy', 'Keep it for later', () => choose(true));
    this.#question.replaceChildren(`${other.title} is still being downloaded. `, stop, ' ', keep);
    stop.focus();
    return undefined;
  }

  async #tell(order) {
    this.#problem.textContent = await this.#order({ stage: this.#name, ...order });
  }
}

/** Engine and model by name; what the user is typing is never overwritten. */
class Choice {
  #requested = '';
  #select;
  #model;
  #options;

  constructor(stage, options, choose) {
    this.#options = options;
    this.element = make('form', 'choice');
    this.#select = make('select', '', { 'aria-label': `Engine for ${STAGES[stage].toLowerCase()}` });
    this.#select.append(make('option', '', { value: '' }, BEST), ...options.map((option) => this.#option(option)));
    const usual = { placeholder: 'its usual model', 'aria-label': 'Model', spellcheck: false };
    this.#model = make('input', '', { type: 'text', list: `models-${stage}`, ...usual });
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

  /** Shows the selection that was asked for last, by whoever. @param {string} requested NAME, NAME:MODEL or empty */
  show(requested) {
    if (requested === this.#requested) return;
    this.#requested = requested;
    const colon = requested.indexOf(':');
    this.#select.value = colon < 0 ? requested : requested.slice(0, colon);
    this.#model.value = colon < 0 ? '' : requested.slice(colon + 1);
    this.#suggest(this.element.querySelector('datalist'));
  }

  #option({ name, title, state, detail }) {
    const why = { needs: ' (not installed)', unfit: ` (${detail})` }[state] ?? '';
    return make('option', '', { value: name }, title + why);
  }

  #suggest(models) {
    const option = this.#options.find(({ name }) => name === this.#select.value);
    models.replaceChildren(...(option?.models ?? []).map((value) => make('option', '', { value })));
    this.#model.hidden = !option?.takesModel;
  }
}

function action(className, text, act, label = text) {
  const button = make('button', className, { type: 'button', 'aria-label': label }, text);
  button.addEventListener('click', act);
  return button;
}

function bar(title) {
  return make('span', 'bar', { role: 'progressbar', 'aria-label': title, 'aria-valuemin': 0, 'aria-valuemax': 100 });
}

function showShare(element, { done, total }) {
  const share = total ? Math.floor((100 * done) / total) : 0;
  element.setAttribute('aria-valuenow', String(share));
  element.style.setProperty('--share', `${share}%`);
}

/** When an engine that was set aside is tried again, as a sentence. */
function againOf({ retryInS }) {
  if (retryInS === null) return '';
  return retryInS > 0 ? ` It is tried again in ${retryInS} s.` : ' It is being tried again.';
}

function percent({ done, total }) {
  return total ? `${Math.floor((100 * done) / total)} %` : '0 %';
}

/** Seconds as people say them. */
function timeOf(seconds) {
  if (seconds < 100) return `${seconds} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** Bytes in the units that shops and hubs use. */
function size(bytes) {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
