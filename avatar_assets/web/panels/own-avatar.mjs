// Own avatar: a GLB or VRM file of the user's becomes a persona's body in this tab; a panel shows what was found in it.
import { refusedReport } from '../avatar_file/report.mjs';
import SPEC from '../avatar_file/spec.json' with { type: 'json' };
import { closeByLeaving, make } from '../page/dom.mjs';

const ACCEPTED = SPEC.endings.join(',');
const PRIVATE =
  'The file stays in this tab: it is not uploaded, nobody else sees it, and it is forgotten when the page is closed or loaded again.';

export class OwnAvatar {
  #people;
  #present;
  #worn = new Map(); // id of a persona → the file that is its body
  #shown = ''; // id of the persona the panel tells of
  #pending = null; // the file that was tried last
  #attempt = 0; // how many were
  #file = make('input', 'own-file', { type: 'file', accept: ACCEPTED, tabindex: -1, 'aria-hidden': true });
  #choose = make('button', 'own-choose', { type: 'button' }, 'Your own avatar …');
  #told = make('details', 'own-told', { hidden: '' });
  #line = make('summary', 'own-line');
  #panel = make('div', 'own-panel', { role: 'status' });

  /**
   * @param {HTMLElement} host gets the button and the panel
   * @param {import('./persona-picker.mjs').PersonaPicker} people
   * @param {(person: object, more?: {own: File, attempt: number}) => void} present puts somebody on the stage
   */
  constructor(host, people, present) {
    this.#people = people;
    this.#present = present;
    this.#told.append(this.#line, this.#panel);
    const row = make('div', 'own');
    row.append(this.#choose, this.#file, this.#told);
    host.append(row);
    this.#choose.addEventListener('click', () => this.#file.click());
    this.#file.addEventListener('change', () => {
      if (this.#file.files[0]) this.wear(this.#file.files[0]);
      this.#file.value = ''; // the same file may be chosen again
    });
    closeByLeaving(this.#told);
  }

  /** Tries a file as the body of whoever is talked with. @param {File} file */
  wear(file) {
    const { current } = this.#people;
    if (!current) return;
    delete this.#told.dataset.verdict;
    this.#say(current.id, `Looking at ${file.name} …`, []);
    this.#attempt++;
    this.#pending = file;
    this.#present(current, { own: file, attempt: this.#attempt });
  }

  /** Gives whoever is talked with their own body back. */
  undo() {
    this.#worn.delete(this.#shown);
    this.#told.hidden = true;
    const person = this.#people.find(this.#shown);
    if (person && person.id === this.#people.current?.id) this.#present(person);
  }

  /** The file that is a persona's body; undefined where it is their own. @param {string} id */
  bodyOf(id) {
    return this.#worn.get(id);
  }

  /** Hides the panel where it tells of somebody else. @param {string} id of the persona on the stage */
  tellOnlyOf(id) {
    if (id !== this.#shown) this.#told.hidden = true;
  }

  /** What the stage says of a file, of whoever was called to the stage. */
  hear(message) {
    if (message.type !== 'body') return;
    const { persona, own, worn, attempt, report = refusedReport(message.file, message.code) } = message;
    if (!own) {
      this.#tell(persona, report, false);
      return;
    }
    if (attempt && attempt !== this.#attempt) return; // another file was dropped meanwhile
    const tried = attempt ? this.#pending : null;
    if (worn && tried) this.#worn.set(persona, tried);
    if (!worn && report.findings.some(({ code }) => code === 'unshown') && this.#worn.has(persona)) this.#restore(persona, tried);
    this.#tell(persona, report, worn, tried !== null || !worn);
  }

  /** The stage fell back to the persona's own body; what was worn before comes back, unless it is what failed. */
  #restore(persona, tried) {
    if (!tried) this.#worn.delete(persona);
    else if (persona === this.#people.current?.id) this.#present(this.#people.current);
  }

  #tell(persona, report, worn, asked = false) {
    const parts = Object.entries(SPEC.levels).map(([level, title]) => {
      const found = report.findings.filter((one) => one.level === level);
      const section = make('section', 'own-level', { 'data-level': level });
      const list = make('ul');
      list.append(...found.map(({ code, text }) => make('li', '', { 'data-code': code }, text)));
      section.append(make('h2', '', {}, title), list);
      return found.length ? section : null;
    });
    parts.unshift(make('p', 'own-verdict', {}, SPEC.verdicts[report.verdict]));
    const name = this.#people.find(persona)?.name ?? 'Whoever is on stage';
    parts.push(make('p', 'own-hint', {}, worn ? PRIVATE : asked ? `${name} stays as before.` : ''));
    if (this.#worn.has(persona)) {
      const back = make('button', 'own-back', { type: 'button' }, `Back to ${name}’s own body`);
      back.addEventListener('click', () => this.undo());
      parts.push(back);
    }
    this.#told.dataset.verdict = report.verdict;
    this.#say(persona, report.file, parts.filter(Boolean));
    if (asked) this.#told.open = true;
  }

  #say(persona, line, parts) {
    this.#shown = persona;
    this.#line.textContent = line;
    this.#panel.replaceChildren(...parts);
    this.#told.hidden = false;
  }
}
