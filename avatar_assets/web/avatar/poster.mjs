// Poster: a picture of a person that stands on the stage until there is a body.

export class Poster {
  #host;
  #image = null;

  /** @param {HTMLElement} host of the bodies */
  constructor(host) {
    this.#host = host;
  }

  /** Shows the person's portrait, if there is one and they wear no file of the user's. @param {import('./interfaces.mjs').Persona} persona */
  show({ name, portrait, own }) {
    if (!portrait || own || this.#image) return;
    const src = new URL(`../avatars/${encodeURIComponent(portrait)}`, import.meta.url).href;
    this.#image = Object.assign(document.createElement('img'), { className: 'poster', src, alt: name });
    this.#host.prepend(this.#image);
  }

  leave() {
    this.#image?.remove();
    this.#image = null;
  }
}
