// Fake DOM for tests in Node: as much of an element as the page's modules use, found by one class only.

export class FakeElement extends EventTarget {
  children = [];
  dataset = {};
  attributes = {};
  classes = new Set();
  style = { setProperty() {} };
  parent = null;
  #text = '';

  constructor(tag) {
    super();
    this.tag = tag;
  }

  classList = {
    add: (name) => this.classes.add(name),
    remove: (name) => this.classes.delete(name),
    contains: (name) => this.classes.has(name),
    toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)),
  };

  set className(names) {
    this.classes = new Set(names.split(' ').filter(Boolean));
  }

  get textContent() {
    return this.#text + this.children.map((child) => child.textContent ?? child).join('');
  }

  set textContent(text) {
    this.#text = text;
    this.children = [];
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  removeAttribute(name) {
    delete this.attributes[name];
  }

  append(...children) {
    for (const child of children) if (child instanceof FakeElement) child.parent = this;
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.#text = '';
    this.children = [];
    this.append(...children);
  }

  insertBefore(child, before) {
    child.parent = this;
    this.children.splice(this.children.indexOf(before), 0, child);
  }

  remove() {
    this.parent.children.splice(this.parent.children.indexOf(this), 1);
  }

  contains(other) {
    return other === this || this.children.some((child) => child instanceof FakeElement && child.contains(other));
  }

  /** Every element inside that has this class, or with a plain word that is this tag. */
  querySelectorAll(selector) {
    const fits = (one) => (selector.startsWith('.') ? one.classes.has(selector.slice(1)) : one.tag === selector);
    const inside = this.children.filter((child) => child instanceof FakeElement);
    return inside.flatMap((child) => [...(fits(child) ? [child] : []), ...child.querySelectorAll(selector)]);
  }

  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }

  /** Where it lies on the screen, as far as a test says. */
  getBoundingClientRect() {
    return { top: 0, bottom: 0, ...this.place };
  }

  click() {
    this.dispatchEvent(new Event('click'));
  }
}

/** A document that makes such elements. */
export function fakeDocument() {
  const document = new EventTarget();
  return Object.assign(document, { createElement: (tag) => new FakeElement(tag), activeElement: null });
}
