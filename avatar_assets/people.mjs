// The picker of people and the line that says which engines are at work; both are redrawn only when what they show has changed.

import { lineOf, notesOf } from './engines.mjs';

export class People {
  #picker;
  #engines;
  #choose;
  #shown = '';
  #all = [];

  /** @param {HTMLElement} picker  @param {HTMLElement} engines  @param {(id: string) => void} choose */
  constructor(picker, engines, choose) {
    this.#picker = picker;
    this.#engines = engines;
    this.#choose = choose;
    picker.addEventListener('keydown', (event) => this.#byKey(event));
    document.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#fold(true));
    document.addEventListener('pointerdown', ({ target }) => engines.contains(target) || this.#fold(false));
    window.addEventListener('blur', () => this.#fold(false)); // a press on the stage's iframe
  }

  /** The person on stage. */
  current = null;
  /** The id of somebody who was chosen and has not come yet. */
  called = null;

  /** Shows what Python's `state` answered. */
  show(state) {
    if (JSON.stringify(state) === this.#shown) return;
    this.#shown = JSON.stringify(state);
    this.#all = state.personas;
    const known = this.#all.find(({ id }) => id === this.current?.id);
    this.current = known ?? this.current ?? this.#all.find(({ id }) => id === state.first) ?? this.#all[0];
    this.#draw();
    const problem = document.getElementById('persona-problem');
    problem.hidden = !state.problem;
    problem.textContent = state.problem ? `${state.problem} The last good version stays in use.` : '';
    this.#drawEngines(state.engines);
  }

  /** Marks somebody as chosen before they come; null: nobody comes. */
  call(id) {
    if (id === this.called) return;
    this.called = id;
    this.#draw();
  }

  /** Puts somebody else on stage. */
  meet(person) {
    this.current = person;
    this.called = null;
    this.#draw();
  }

  #draw() {
    document.documentElement.style.setProperty('--person', this.current.colour);
    const focused = this.#picker.contains(document.activeElement);
    this.#picker.replaceChildren(...this.#all.map((person) => this.#card(person)));
    if (focused) this.#picker.querySelector('[aria-checked="true"]')?.focus();
  }

  #card(person) {
    const chosen = person.id === (this.called ?? this.current.id);
    const card = make('button', 'person', { type: 'button', role: 'radio', 'aria-checked': chosen, tabindex: chosen ? 0 : -1, 'data-id': person.id });
    card.style.setProperty('--person', person.colour);
    card.append(portrait(person), make('span', 'person-name', {}, person.name), make('span', 'person-line', {}, person.line));
    card.addEventListener('click', () => chosen || this.#choose(person.id));
    return card;
  }

  #byKey(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const cards = [...this.#picker.children];
    const at = cards.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    cards[(at + step + cards.length) % cards.length].focus();
  }

  /** Closes the list of engines, which covers what is below it. */
  #fold(byKey) {
    if (byKey && this.#engines.contains(document.activeElement)) this.#engines.querySelector('summary').focus();
    this.#engines.open = false;
  }

  #drawEngines(engines) {
    const { line, quality } = lineOf(engines);
    this.#engines.querySelector('.engines-line').textContent = line;
    this.#engines.dataset.quality = quality;
    const items = engines.flatMap(notesOf).map(({ name, text, state }) => {
      const item = make('li', 'engine');
      item.append(make('b', '', {}, name), ` ${text} `, make('em', '', {}, state));
      return item;
    });
    if (quality === 'basic') items.push(make('li', 'engine', {}, 'Better ones: README, “Add real models”.'));
    this.#engines.querySelector('.engines-list').replaceChildren(...items);
  }
}

function portrait(person) {
  if (!person.portrait) return make('span', 'person-portrait initial', { 'aria-hidden': true }, person.name[0] ?? '?');
  return make('img', 'person-portrait', { src: new URL(`avatars/${encodeURIComponent(person.portrait)}`, import.meta.url).href, alt: '' });
}

/** An element with a class, attributes and text; text is never read as markup. */
export function make(tag, className = '', attributes = {}, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}
