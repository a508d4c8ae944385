// Roster: who is on the stage and in which seat, whose mouth moves, who looks at whom.
// Each avatar draws on a canvas of its own: measured, two narrow ones cost what a wide one does (297 and 305 ms a frame by a processor),
// and one can fail, or be drawn in 2-D, without the other.

import { MouthSource } from '../lipsync/mouth-source.mjs';
import { clock } from '../playback/frame-clock.mjs';
import { AvatarView } from './avatar-view.mjs';
import { FIRST_VIEW, viewOf } from './views.mjs';

/** Where everybody else is, seen from a seat: to the right of the first, to the left of the second. */
const ASIDE = { first: 1, second: -1 };
/** How a guest greets who has just come. */
const GREETING = 'wave';
/** Two avatars are too much where the median frame takes longer than this, watched for so long, in ms. */
const TOO_SLOW_MS = 80;
const WATCH_MS = 3000;

export class Roster {
  #host;
  #callbacks;
  #options = null; // what `AvatarView.open` is asked
  #seats = new Map(); // seat → {view, persona, mouth, host}
  #state = 'loading';
  #speaking = null; // the seat whose words are heard
  #shot = FIRST_VIEW; // the camera's view
  #watching = 0;

  /**
   * @param {HTMLElement} host is filled by the seats
   * @param {object} callbacks
   * @param {() => {segment: object, ms: number}[]} callbacks.sounding the segments near the moment that is heard; each knows its `seat`
   * @param {(face: '3d' | '2d', reason: string, seat: string) => void} callbacks.onFace called as `AvatarView` does, for each seat
   * @param {(event: import('./interfaces.mjs').AvatarFileEvent) => void} callbacks.onFile called as `AvatarView` does
   */
  constructor(host, callbacks) {
    this.#host = host;
    this.#callbacks = callbacks;
    this.#sit('first');
  }

  /** @param {object} options see `AvatarView.open` */
  open(options) {
    this.#options = options;
    return this.#seats.get('first').view.open(options);
  }

  /** Whether somebody is a drawn face. */
  get isDrawn() {
    return [...this.#seats.values()].some(({ view }) => view.face === '2d');
  }

  /** Whether 3-D was given up for somebody, and may be possible after all. */
  get canRetry3d() {
    return [...this.#seats.values()].some(({ view }) => view.canRetry3d);
  }

  /** Tries 3-D once more for everybody for whom it was given up. */
  async retry3d() {
    for (const { view } of this.#seats.values()) await view.retry3d();
  }

  /** Announces the first persona: see `AvatarView.announce`. */
  announce(persona) {
    this.#seats.get('first').view.announce(persona);
  }

  /** Shows a persona in the first seat. @param {import('./interfaces.mjs').Persona} persona */
  async show(persona) {
    const { view } = Object.assign(this.#seats.get('first'), { persona });
    await view.show(persona);
    this.#frame();
  }

  /** Seats a guest beside, who greets without a word; the guest before leaves. @param {import('./interfaces.mjs').Persona} persona */
  async invite(persona) {
    this.dismiss();
    const seat = this.#sit('second', persona);
    seat.view.announce(persona);
    await seat.view.open({ ...this.#options, drawn: this.#options.drawn || this.#seats.get('first').view.face === '2d' });
    await seat.view.show(persona);
    if (this.#seats.get('second') !== seat) return; // gone already
    this.#frame();
    seat.view.act(GREETING);
    this.#watch();
  }

  /** The guest leaves, if there is one. */
  dismiss() {
    const guest = this.#seats.get('second');
    if (!guest) return;
    this.#seats.delete('second');
    clock.cancelFrame(this.#watching);
    guest.view.dispose();
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

  /** What everybody does. @param {string} state see `AvatarView.setState`  @param {string | null} seat whose words are heard meanwhile */
  setState(state, seat = null) {
    this.#state = state;
    this.#speaking = seat;
    this.#direct();
  }

  /** @param {string} name of an act  @param {string} seat who does it */
  act(name, seat = 'first') {
    this.#seats.get(seat)?.view.act(name);
  }

  /** The mouths rest at once. */
  restMouths() {
    for (const { mouth } of this.#seats.values()) mouth.rest();
  }

  /** @param {string} view one of `views.mjs` */
  setView(view) {
    this.#shot = view;
    this.#frame();
  }

  /** The mouth on the screen. @returns {import('../lipsync/viseme-curves.mjs').Weights} */
  weights(seat = 'first') {
    return this.#seats.get(seat)?.view.weights() ?? {};
  }

  /**
   * The frame that has just been drawn of everybody, from left to right.
   *
   * @returns {{element: HTMLElement, picture: CanvasImageSource}[] | Promise<…>} a promise where somebody is a drawn face
   */
  pictures() {
    const people = [...this.#seats.values()].filter(({ persona }) => persona);
    const shown = people.map(({ host, view }) => ({ element: host, picture: view.picture() }));
    if (!shown.some(({ picture }) => picture instanceof Promise)) return shown;
    // A frame in 3-D is gone when the browser has shown it, and a drawn face takes longer to come.
    const kept = (picture) => (picture instanceof HTMLCanvasElement ? createImageBitmap(picture) : picture);
    return Promise.all(shown.map(async ({ element, picture }) => ({ element, picture: await kept(picture) })));
  }

  #sit(name, persona = null) {
    const host = this.#host.appendChild(document.createElement('div'));
    host.className = 'seat';
    host.dataset.seat = name;
    const { sounding, onFace, onFile } = this.#callbacks;
    const mouth = new MouthSource(() => sounding().filter(({ segment }) => segment.seat === name));
    const view = new AvatarView(host, {
      mouth: () => mouth.weights(),
      onFace: (face, reason) => {
        onFace(face, reason, name);
        this.#frame();
      },
      onFile,
    });
    const seat = { view, persona, mouth, host };
    this.#seats.set(name, seat);
    this.#direct();
    return seat;
  }

  /** Whoever is not speaking looks at who is, and listens. */
  #direct() {
    for (const [name, { view }] of this.#seats) {
      const attending = this.#speaking && this.#speaking !== name;
      view.setState(this.#speaking ? (attending ? 'listening' : 'speaking') : this.#state);
      view.look(attending ? ASIDE[name] : 0);
    }
  }

  #frame() {
    const views = [...this.#seats.values()].map(({ view }) => view);
    const tallest = Math.max(...views.map(({ height }) => height));
    const shot = viewOf(this.#shot, views.length, views.some(({ face }) => face === '2d'));
    for (const view of views) view.setView(shot, views.length > 1 ? tallest : 0);
  }

  /** Where two 3-D avatars are too slow, the guest is drawn from then on. */
  #watch() {
    clock.cancelFrame(this.#watching);
    const [first, guest] = [this.#seats.get('first'), this.#seats.get('second')];
    const intervals = [];
    let [began, last] = [null, null];
    const look = (time) => {
      if (first.view.face !== '3d' || guest.view.face !== '3d') return;
      if (clock.held) {
        // A film takes the time that it takes.
        [began, last] = [null, null];
        intervals.length = 0;
        this.#watching = clock.requestFrame(look);
        return;
      }
      began ??= time;
      if (last !== null) intervals.push(time - last);
      last = time;
      if (time - began >= WATCH_MS) {
        const median = intervals.sort((a, b) => a - b)[intervals.length >> 1];
        if (median <= TOO_SLOW_MS) return;
        guest.view.giveUp3d(`Two people in 3-D take ${Math.round(median)} ms a frame on this computer, so ${guest.persona.name} is drawn.`);
        return;
      }
      this.#watching = clock.requestFrame(look);
    };
    this.#watching = clock.requestFrame(look);
  }
}
