// Files from the user: one that is dropped on the page or the stage goes where its kind belongs; a button chooses one.
import { make } from './dom.mjs';

const KINDS = [
  ['sound', /^audio\//, /\.(wav|mp3|m4a|aac|ogg|oga|opus|flac|weba)$/i],
  ['picture', /^image\//, /\.(jpe?g|png|webp|gif|avif|bmp)$/i],
];

/** What a file is taken for: `sound`, `picture` or else `avatar`; `any` while nothing is known of it. @param {{type?: string, name?: string}} file */
export function kindOf({ type = '', name }) {
  const [kind] = KINDS.find(([, types, endings]) => types.test(type) || (name && endings.test(name))) ?? [];
  return kind ?? (type || name !== undefined ? 'avatar' : 'any');
}

/** Lets a button choose a file. @param {HTMLButtonElement} button  @param {string} accept its kind  @param {(file: File) => unknown} take */
export function offerFile(button, accept, take) {
  const input = make('input', 'audio-file', { type: 'file', accept, tabindex: -1, 'aria-hidden': true });
  button.after(input);
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    if (input.files[0]) await take(input.files[0]);
    input.value = ''; // the same file may be chosen again
  });
}

/** Files dropped anywhere; while one is above the page, a veil says what becomes of it. */
export class FileDrop {
  #veil = make('div', 'own-drop', { hidden: '', 'aria-hidden': true });
  #takers;
  #name;

  /**
   * @param {HTMLElement} host gets the veil
   * @param {() => string} name of whoever is talked with
   * @param {{sound: (file: File) => void, picture: (file: File) => void, avatar: (file: File) => void}} takers of each kind
   */
  constructor(host, name, takers) {
    this.#takers = takers;
    this.#name = name;
    host.append(this.#veil);
    this.watch(window);
  }

  /** Files may be dropped on another window too (the stage's iframe). @param {Window} place */
  watch(place) {
    let inside = 0;
    const show = (change, items) => {
      inside = Math.max(0, inside + change);
      this.#veil.hidden = !inside;
      if (items) this.#veil.textContent = this.#promise(kindOf(items[0] ?? {}));
    };
    const meant = (event) => event.dataTransfer?.types.includes('Files') && !event.defaultPrevented;
    place.addEventListener('dragenter', (event) => meant(event) && show(1, event.dataTransfer.items));
    place.addEventListener('dragleave', (event) => meant(event) && show(-1));
    place.addEventListener('dragover', (event) => meant(event) && event.preventDefault());
    place.addEventListener('drop', (event) => {
      show(-inside);
      if (!meant(event)) return;
      event.preventDefault(); // or the browser leaves the page for the file
      const [file] = event.dataTransfer.files;
      if (file) this.#takers[kindOf(file)](file);
    });
  }

  #promise(kind) {
    const name = this.#name();
    const body = `Drop a GLB or VRM: it becomes ${name}’s body, in this tab only.`;
    return {
      sound: `Drop the sound: ${name} hears and answers it.`,
      picture: `Drop the picture: it becomes the background behind ${name}, in this browser only.`,
      avatar: body,
      any: `${body} A sound file is heard and answered, a picture becomes the background.`,
    }[kind];
  }
}
