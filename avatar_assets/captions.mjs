// Captions: the words of the segment that is heard, the word of this moment marked.

export class Captions {
  #box;
  #segment = null;
  #spans = [];
  #marked = -1;

  /** @param {HTMLElement} box is shown while there are words in it */
  constructor(box) {
    this.#box = box;
    box.hidden = true;
  }

  /**
   * Shows what is heard at this moment.
   *
   * @param {{text: string, words: string[], wtimes: number[]}} segment each word carries its trailing space; times in ms
   * @param {number} ms from the start of the segment
   */
  follow(segment, ms) {
    if (segment !== this.#segment) this.#write(segment);
    const marked = this.#spans.length ? segment.wtimes.findLastIndex((start) => start <= ms) : -1;
    if (marked === this.#marked) return;
    this.#spans[this.#marked]?.classList.remove('now');
    this.#spans[marked]?.classList.add('now');
    this.#marked = marked;
    this.#keepInView(this.#spans[marked]);
  }

  clear() {
    this.#segment = null;
    this.#spans = [];
    this.#marked = -1;
    this.#box.replaceChildren();
    this.#box.hidden = true;
  }

  #write(segment) {
    this.clear();
    this.#segment = segment;
    for (const word of segment.words) {
      const span = document.createElement('span');
      span.textContent = word.trimEnd();
      this.#spans.push(span);
      this.#box.append(span, word.slice(span.textContent.length)); // the space between words is not marked
    }
    if (!this.#spans.length) this.#box.append(segment.text); // a segment without timed words still says what it says
    this.#box.hidden = this.#box.textContent.trim() === '';
    this.#box.scrollTop = 0;
  }

  /** A long sentence is longer than the box: the line of the word comes to its middle. */
  #keepInView(span) {
    if (span) this.#box.scrollTop = span.offsetTop - (this.#box.clientHeight - span.offsetHeight) / 2;
  }
}
