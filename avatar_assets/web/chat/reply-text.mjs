// Reply text: the words of a reply in its bubble, the word of this moment marked, and grey what was not heard of a reply that was cut off.
import { make } from '../page/dom.mjs';

export class ReplyText {
  #element;
  #text = '';
  #from = 0; // of the marked word
  #to = 0;
  #heard = Infinity; // characters

  /** @param {HTMLElement} element holds nothing else */
  constructor(element) {
    this.#element = element;
  }

  /** The marked word; null where none is. */
  get marked() {
    return this.#element.querySelector('mark');
  }

  /** @param {string} text more of the reply */
  write(text) {
    this.#text += text;
    if (this.#to || this.#heard < Infinity) this.#draw();
    else this.#element.append(text);
  }

  /** A word is heard at this moment. @param {number} from first character  @param {number} to the one behind its last */
  mark(from, to) {
    while (from < to && /\s/.test(this.#text[from])) from++;
    if (from === this.#from && to === this.#to) return;
    [this.#from, this.#to] = [from, to];
    this.#draw();
  }

  /** No word is heard any more. */
  unmark() {
    if (!this.#to) return;
    this.#from = this.#to = 0;
    this.#draw();
  }

  /** It was cut off with the word that is marked. */
  cut() {
    this.#heard = this.#to;
    this.#from = this.#to = 0;
    this.#draw();
  }

  /** Only its beginning is remembered as said. @param {string} text that */
  keep(text) {
    if (!this.#text.startsWith(text)) return; // the word that was marked is as good as is known
    this.#heard = text.length;
    this.#draw();
  }

  #draw() {
    const [text, from, to] = [this.#text, this.#from, this.#to];
    const heard = Math.min(this.#heard, text.length);
    const places = [0, from, to, heard, text.length].sort((a, b) => a - b);
    const parts = places.slice(1).map((end, index) => {
      const part = text.slice(places[index], end);
      if (places[index] >= from && end <= to) return part && make('mark', '', {}, part);
      return part && places[index] >= heard ? make('del', 'unheard', {}, part) : part;
    });
    this.#element.replaceChildren(...parts.filter((part) => part !== ''));
  }
}
