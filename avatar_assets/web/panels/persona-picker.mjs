// Persona picker: radio cards of everybody one can talk with, redrawn only when what they show has changed.
import { make } from '../page/dom.mjs';
import { remember, remembered } from '../page/remembered.mjs';

/** What is kept: who greeted first when somebody else was chosen, and who that was. An app that begins with another person says so. */
const KEPT_AS = 'visavis.persona';

export class PersonaPicker {
  #picker;
  #choose;
  #shown = '';
  #all = [];
  #first = '';

  /** @param {HTMLElement} picker  @param {(id: string) => void} choose */
  constructor(picker, choose) {
    this.#picker = picker;
    this.#choose = choose;
    picker.addEventListener('keydown', (event) => this.#byKey(event));
  }

  /** The person on stage. */
  current = null;
  /** The id of somebody who was chosen and has not come yet. */
  called = null;

  /** @param {string | null} id @returns {object | undefined} */
  find(id) {
    return this.#all.find((person) => person.id === id);
  }

  /** Everybody but who is talked with. @returns {{id: string, name: string}[]} */
  others() {
    return this.#all.filter(({ id }) => id !== this.current?.id).map(({ id, name }) => ({ id, name }));
  }

  /** Shows what Python's `state` answered. */
  show(state) {
    const shown = JSON.stringify([state.personas, state.problem]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#all = state.personas;
    this.#first = state.first;
    const known = this.find(this.current?.id);
    const [first, chosen] = (remembered(KEPT_AS) ?? '').split(' ');
    const kept = first === state.first ? this.find(chosen) : undefined;
    this.current = known ?? this.current ?? kept ?? this.find(state.first) ?? this.#all[0];
    this.#draw();
    const problem = document.getElementById('persona-problem');
    problem.hidden = !state.problem;
    problem.textContent = state.problem ?? '';
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
    remember(KEPT_AS, `${this.#first} ${person.id}`);
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
    const radio = { role: 'radio', 'aria-checked': chosen, tabindex: chosen ? 0 : -1 };
    const card = make('button', 'person', { type: 'button', ...radio, 'data-id': person.id, title: `${person.name}: ${person.line}` });
    card.style.setProperty('--person', person.colour);
    card.append(portrait(person), make('span', 'person-name', { dir: 'auto' }, person.name), make('span', 'person-line', { dir: 'auto' }, person.line));
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
}

function portrait(person) {
  if (!person.portrait) return make('span', 'person-portrait initial', { 'aria-hidden': true }, person.name[0] ?? '?');
  const { href } = new URL(`../avatars/${encodeURIComponent(person.portrait)}`, import.meta.url);
  return make('img', 'person-portrait', { src: href, alt: '' });
}
