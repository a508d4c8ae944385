// Cast: who is on the stage and in which seat, whose mouth moves, who looks at whom.
// Each figure draws on a canvas of its own: measured, two narrow ones cost what a wide one does (297 and 305 ms a frame by a processor),
// and one figure can fail, or be drawn flat, without the other.

import { Lips } from '../lipsync/mouth-source.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { Person } from './avatar-view.mjs';
import { FIRST_VIEW, viewOf } from './views.mjs';

/** Where everybody else is, seen from a seat: to the right of the first, to the left of the second. */
const ASIDE = { first: 1, second: -1 };
/** How a guest greets who has just come. */
const GREETING = 'wave';
/** Two figures are too much where the median frame takes longer than this, watched for so long, in ms. */
const TOO_SLOW_MS = 80;
const WATCH_MS = 3000;

export class Cast {
  #host;
  #sounding;
  #onFace;
  #options = null; // what `Person.open` is asked
  #seats = new Map(); // seat → {person, persona, lips, host}
  #state = 'loading';
  #speaking = null; // the seat whose words are heard
  #view = FIRST_VIEW;
  #onDrawn = null;
  #watching = 0;

  /**
   * @param {HTMLElement} host is filled by the seats
   * @param {() => {segment: object, ms: number}[]} sounding the segments near the moment that is heard; each knows its `seat`
   * @param {(face: '3d' | '2d', reason: string, seat: string) => void} onFace called as `Person` does, for each seat
   */
  constructor(host, sounding, onFace) {
    this.#host = host;
    this.#sounding = sounding;
    this.#onFace = onFace;
    this.#sit('first');
  }

  /** @param {object} options see `Person.open` */
  open(options) {
    this.#options = options;
    return this.#seats.get('first').person.open(options);
  }

  /** Announces the first persona: see `Person.announce`. */
  announce(persona) {
    this.#seats.get('first').person.announce(persona);
  }

  /** Shows a persona in the first seat. @param {import('./avatar-view.mjs').Persona} persona */
  async show(persona) {
    const { person } = Object.assign(this.#seats.get('first'), { persona });
    await person.show(persona);
    this.#frame();
  }

  /** Seats a guest beside, who greets without a word; the guest before leaves. @param {import('./avatar-view.mjs').Persona} persona */
  async invite(persona) {
    this.dismiss();
    const seat = this.#sit('second', persona);
    seat.person.announce(persona);
    await seat.person.open({ ...this.#options, drawn: this.#options.drawn || this.#seats.get('first').person.face === '2d' });
    await seat.person.show(persona);
    if (this.#seats.get('second') !== seat) return; // gone already
    this.#frame();
    seat.person.act(GREETING);
    this.#watch();
  }

  /** The guest leaves, if there is one. */
  dismiss() {
    const guest = this.#seats.get('second');
    if (!guest) return;
    this.#seats.delete('second');
    clock.cancelFrame(this.#watching);
    guest.person.dispose();
    guest.host.remove();
    this.#direct();
    this.#frame();
  }

  /** Who sits where. @returns {[string, string][]} seat and name */
  get people() {
    return [...this.#seats].filter(([, { persona }]) => persona).map(([seat, { persona }]) => [seat, persona.name]);
  }

  /**
   * The seat of whoever says a segment.
   *
   * @param {string | undefined} speaker id of a persona; whoever sits in the first seat where none is named
   * @throws {RangeError} when that persona is not on the stage
   */
  seatOf(speaker) {
    if (speaker === undefined) return 'first';
    for (const [seat, { persona }] of this.#seats) if (persona?.id === speaker) return seat;
    throw new RangeError(`${JSON.stringify(speaker)} speaks without being on the stage. No mouth moves for them.`);
  }

  /** What everybody does. @param {string} state see `Person.setState`  @param {string | null} seat whose words are heard meanwhile */
  setState(state, seat = null) {
    this.#state = state;
    this.#speaking = seat;
    this.#direct();
  }

  /** @param {string} name of an act  @param {string} seat who does it */
  act(name, seat = 'first') {
    this.#seats.get(seat)?.person.act(name);
  }

  /** The mouths rest at once. */
  rest() {
    for (const { lips } of this.#seats.values()) lips.rest();
  }

  /** @param {string} view one of `views.mjs` */
  setView(view) {
    this.#view = view;
    this.#frame();
  }

  /** The weights on the screen. */
  shown(seat = 'first') {
    return this.#seats.get(seat)?.person.shown() ?? {};
  }

  /** The seats' elements, from left to right. @returns {[string, HTMLElement][]} */
  places() {
    return [...this.#seats].map(([seat, { host }]) => [seat, host]);
  }

  /** @param {((seat: string, picture: CanvasImageSource, at: number) => void) | null} onDrawn gets every seat's frames: see `talkinghead-avatar.mjs` */
  film(onDrawn) {
    this.#onDrawn = onDrawn;
    for (const [name, { person }] of this.#seats) person.film(onDrawn && ((picture, at) => onDrawn(name, picture, at)));
  }

  #sit(name, persona = null) {
    const host = this.#host.appendChild(document.createElement('div'));
    host.className = 'seat';
    host.dataset.seat = name;
    const lips = new Lips(() => this.#sounding().filter(({ segment }) => segment.seat === name));
    const person = new Person(host, () => lips.now(), (face, reason) => this.#faceChanged(face, reason, name));
    const seat = { person, persona, lips, host };
    this.#seats.set(name, seat);
    this.film(this.#onDrawn);
    this.#direct();
    return seat;
  }

  #faceChanged(face, reason, seat) {
    this.#onFace(face, reason, seat);
    this.#frame();
  }

  /** Whoever is not speaking looks at who is, and listens. */
  #direct() {
    for (const [name, { person }] of this.#seats) {
      const attending = this.#speaking && this.#speaking !== name;
      person.setState(this.#speaking ? (attending ? 'listening' : 'speaking') : this.#state);
      person.look(attending ? ASIDE[name] : 0);
    }
  }

  #frame() {
    const people = [...this.#seats.values()].map(({ person }) => person);
    const tallest = Math.max(...people.map(({ height }) => height));
    const view = viewOf(this.#view, people.length, people.some(({ face }) => face === '2d'));
    for (const person of people) person.setView(view, people.length > 1 ? tallest : 0);
  }

  /** Where two figures are too slow, the guest is drawn from then on. */
  #watch() {
    clock.cancelFrame(this.#watching);
    const [first, guest] = [this.#seats.get('first'), this.#seats.get('second')];
    const intervals = [];
    let [began, last] = [null, null];
    const look = (time) => {
      if (first.person.face !== '3d' || guest.person.face !== '3d') return;
      began ??= time;
      if (last !== null) intervals.push(time - last);
      last = time;
      if (time - began >= WATCH_MS) {
        const median = intervals.sort((a, b) => a - b)[intervals.length >> 1];
        if (median <= TOO_SLOW_MS) return;
        guest.person.spare(`Two people in 3-D take ${Math.round(median)} ms a frame on this computer, so ${guest.persona.name} is drawn.`);
        return;
      }
      this.#watching = clock.requestFrame(look);
    };
    this.#watching = clock.requestFrame(look);
  }
}
