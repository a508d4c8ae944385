// Settings of the stage: the small menu in its corner, and what this browser remembers of it.

import { remember, remembered } from '../page/remembered.mjs';
import { BACKDROPS, FIRST_BACKDROP } from './backdrop.mjs';
import { FIRST_VIEW, VIEWS } from '../avatar/views.mjs';

const KEPT_AS = 'visavis.stage';
const PICTURE_KEPT_AS = 'visavis.backdrop';
/** A picture larger than this is refused, in MB. */
const PICTURE_MAX_MB = 20;
/** The longer side of a picture as it is kept, in px; more is not seen behind a person. */
const PICTURE_PX = 1600;

/** How large the captions on the stage are. @type {Record<string, string>} */
const CAPTION_SIZES = { off: 'Off', normal: 'Normal', large: 'Large', largest: 'Very large' };

/**
 * @typedef {object} Choices
 * @property {string} view
 * @property {string} backdrop
 * @property {string} captionSize on the stage
 * @property {boolean} captions whether they are in saved videos
 * @property {boolean} background whether it is in saved videos
 */

/** @type {Choices} */
export const DEFAULTS = Object.freeze({ view: FIRST_VIEW, backdrop: FIRST_BACKDROP, captionSize: 'normal', captions: true, background: true });

/** What was kept, as far as it makes sense today. @param {string | null} kept JSON  @returns {Choices} */
export function choicesOf(kept) {
  let found = {};
  try {
    found = JSON.parse(kept ?? '{}') ?? {};
  } catch {
    // Somebody else wrote there: begin anew.
  }
  const choices = { ...DEFAULTS };
  if (Object.hasOwn(VIEWS, found.view)) choices.view = found.view;
  if (Object.hasOwn(BACKDROPS, found.backdrop)) choices.backdrop = found.backdrop;
  if (Object.hasOwn(CAPTION_SIZES, found.captionSize)) choices.captionSize = found.captionSize;
  for (const name of ['captions', 'background']) if (typeof found[name] === 'boolean') choices[name] = found[name];
  return choices;
}

/** Why a file cannot be a backdrop, before it is read; '' if it may be one. @param {{name: string, size: number}} file */
export function pictureProblemOf({ name, size }) {
  if (!size) return `“${name}” is empty.`;
  if (size > PICTURE_MAX_MB * 1e6) return `“${name}” is larger than ${PICTURE_MAX_MB} MB. Choose a smaller picture.`;
  return '';
}

export class StageSettings {
  #menu;
  #onChange;
  #onInvite;
  #people = '';
  #image = null;

  /**
   * @param {HTMLDetailsElement} menu of `stage.html`
   * @param {(choices: Choices, image: ImageBitmap | null) => void} onChange called by `open`, and at every change
   * @param {(id: string | null) => void} onInvite who shall sit beside; nobody
   * @param {() => void} onRetry3d 3-D shall be tried again
   */
  constructor(menu, onChange, onInvite, onRetry3d) {
    this.#menu = menu;
    this.#onChange = onChange;
    this.#onInvite = onInvite;
    this.choices = choicesOf(remembered(KEPT_AS));
    this.#draw('view', VIEWS);
    this.#draw('backdrop', BACKDROPS);
    this.#draw('captionSize', CAPTION_SIZES);
    const form = menu.querySelector('form');
    for (const name of ['captions', 'background']) form.elements[name].checked = this.choices[name];
    menu.querySelector('[data-name=retry] button').addEventListener('click', onRetry3d);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('change', ({ target }) => this.#changed(form, target));
    menu.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#close());
    addEventListener('pointerdown', ({ target }) => menu.contains(target) || menu.removeAttribute('open'));
    addEventListener('blur', () => parent.document.hasFocus() && menu.removeAttribute('open')); // a press in the page around
  }

  /** Tells what was chosen the last time; the user's picture comes when it is read. */
  async open() {
    this.#onChange(this.choices, null);
    const picture = remembered(PICTURE_KEPT_AS);
    if (picture) await this.#load(picture).catch(() => {}); // what cannot be read any more is not shown
  }

  /**
   * Offers people to be invited; without any the choice is not shown.
   *
   * @param {{id: string, name: string}[]} people
   * @param {string | null} guest the id of who sits beside
   */
  offer(people, guest) {
    const told = JSON.stringify([people, guest]);
    if (told === this.#people) return;
    this.#people = told;
    const select = this.#menu.querySelector('select[name=guest]');
    const option = (value, text) => Object.assign(document.createElement('option'), { value, textContent: text });
    select.replaceChildren(option('', 'Nobody'), ...people.map(({ id, name }) => option(id, name)));
    select.value = guest ?? '';
    select.closest('fieldset').hidden = !people.length;
  }

  /** Offers 3-D once more, where it was given up. @param {boolean} can */
  offerRetry(can) {
    this.#menu.querySelector('[data-name=retry]').hidden = !can;
  }

  #changed(form, target) {
    if (target.name === 'guest') {
      this.#onInvite(target.value || null);
      return;
    }
    if (target.type === 'file') {
      if (target.files[0]) this.takePicture(target.files[0]);
      target.value = ''; // the same file may be chosen again
      return;
    }
    for (const name of ['view', 'backdrop', 'captionSize']) this.choices[name] = form.elements[name].value;
    for (const name of ['captions', 'background']) this.choices[name] = form.elements[name].checked;
    this.#say('');
    if (this.choices.backdrop === 'own' && !this.#image) this.#say('Choose a picture first.');
    this.#keep();
  }

  /** Takes a picture of the user's as the backdrop: it stays in this browser. What cannot be one is refused in the menu. @param {File} file */
  async takePicture(file) {
    this.#say(pictureProblemOf(file));
    if (pictureProblemOf(file)) return;
    try {
      const image = await createImageBitmap(file);
      const scale = Math.min(1, PICTURE_PX / Math.max(image.width, image.height));
      const canvas = Object.assign(document.createElement('canvas'), {
        width: Math.max(1, Math.round(image.width * scale)),
        height: Math.max(1, Math.round(image.height * scale)),
      });
      canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
      image.close();
      const text = canvas.toDataURL('image/jpeg', 0.86);
      this.choices.backdrop = 'own';
      this.#menu.querySelector('input[value=own]').checked = true;
      await this.#load(text);
      if (!remember(PICTURE_KEPT_AS, text)) this.#say('This browser has no room to keep the picture: it stays until the page is closed.');
    } catch {
      this.#say(`“${file.name}” is no picture that this browser can read. Choose a JPEG, PNG or WebP file.`);
    }
  }

  async #load(text) {
    const image = new Image();
    image.src = text;
    await image.decode();
    this.#image = image;
    this.#keep();
  }

  #keep() {
    remember(KEPT_AS, JSON.stringify(this.choices));
    this.#onChange(this.choices, this.#image);
  }

  #say(sentence) {
    const line = this.#menu.querySelector('.refusal');
    line.textContent = sentence;
    line.hidden = !sentence;
    if (sentence) this.#menu.open = true; // where a picture was dropped it is closed
  }

  #close() {
    this.#menu.removeAttribute('open');
    this.#menu.querySelector('summary').focus();
  }

  #draw(name, options) {
    const choices = Object.entries(options).map(([value, text]) => {
      const label = document.createElement('label');
      const input = Object.assign(document.createElement('input'), { type: 'radio', name, value, checked: this.choices[name] === value });
      label.append(input, Object.assign(document.createElement('span'), { textContent: text }));
      return label;
    });
    this.#menu.querySelector(`fieldset[data-name=${name}] .choices`).append(...choices);
  }
}
