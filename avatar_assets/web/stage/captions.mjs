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
    box.dir = 'auto'; // right to left where the first words are
  }

  /**
   * Shows what is heard at this moment.
   *
   * @param {{text: string, words: string[], wtimes: number[], language?: string}} segment each word carries its trailing space; times in ms
   * @param {number} ms from the start of the segment
   * @returns {number} the word that is heard, -1 where none is
   */
  follow(segment, ms) {
    if (segment !== this.#segment) this.#write(segment);
    const marked = this.#spans.length ? segment.wtimes.findLastIndex((start) => start <= ms) : -1;
    if (marked === this.#marked) return marked;
    this.#spans[this.#marked]?.classList.remove('now');
    this.#spans[marked]?.classList.add('now');
    this.#marked = marked;
    this.#keepInView(this.#spans[marked]);
    return marked;
  }

  clear() {
    this.#segment = null;
    this.#spans = [];
    this.#marked = -1;
    this.#box.replaceChildren();
    this.#box.hidden = true;
  }

  /**
   * Draws what is shown, where it is shown.
   *
   * @param {CanvasRenderingContext2D} context whose unit is the screen's px
   * @param {DOMRect} origin what the drawing's top left corner is on the screen
   */
  paint(context, origin) {
    if (this.#box.hidden) return;
    const style = getComputedStyle(this.#box);
    const box = this.#box.getBoundingClientRect();
    const [left, top] = [box.left - origin.left, box.top - origin.top];
    const edge = parseFloat(style.borderTopWidth);
    context.fillStyle = style.backgroundColor;
    context.beginPath();
    context.roundRect(left, top, box.width, box.height, parseFloat(style.borderTopLeftRadius));
    context.fill();
    context.beginPath();
    context.rect(left, top + edge, box.width, box.height - 2 * edge); // a long sentence scrolls
    context.clip();
    Object.assign(context, { font: `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`, textBaseline: 'middle', textAlign: 'left' });
    for (const [text, line, marked] of this.#lines()) {
      context.fillStyle = marked ? getComputedStyle(marked).color : style.color;
      context.fillText(text, line.left - origin.left, line.top - origin.top + line.height / 2, line.width + 1);
      if (marked) context.fillRect(line.left - origin.left, line.bottom - origin.top - 2, line.width, 3);
    }
  }

  /** What stands where: its text, its place on the screen, the marked word's element. */
  *#lines() {
    const range = document.createRange();
    if (!this.#spans.length && this.#box.firstChild) {
      yield* this.#wrapped(this.#box.firstChild, range);
      return;
    }
    for (const [index, span] of this.#spans.entries())
      for (const [text, line] of this.#wrapped(span.firstChild, range)) yield [text, line, index === this.#marked ? span : null];
  }

  /** One piece of text for each line that it runs over. */
  *#wrapped(node, range) {
    if (!node) return;
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()];
    if (lines.length < 2) {
      if (lines.length) yield [node.data, lines[0], null];
      return;
    }
    let from = 0;
    for (const [index, line] of lines.entries()) {
      let to = index === lines.length - 1 ? node.length : from + 1;
      for (; to < node.length; to++) {
        range.setStart(node, to);
        range.setEnd(node, to + 1);
        if (range.getBoundingClientRect().top >= line.bottom - 1) break;
      }
      yield [node.data.slice(from, to).trimEnd(), line, null];
      from = to;
    }
  }

  #write(segment) {
    this.clear();
    this.#segment = segment;
    this.#box.lang = segment.language ?? '';
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
