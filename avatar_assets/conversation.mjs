// The conversation: what was said, how long it took, and the finished replies to hear again or to take home.
import { make } from './people.mjs';
import { timelineOf, wavOf } from './take-home.mjs';

export class Conversation {
  #list;
  #receipt;
  #replay;
  #bubbles = new Map();

  /** @param {HTMLElement} list  @param {HTMLElement} receipt  @param {(turn: object) => void} replay */
  constructor(list, receipt, replay) {
    this.#list = list;
    this.#receipt = receipt;
    this.#replay = replay;
  }

  /** The person's greeting, before anything was said. */
  greet(person) {
    this.#add('theirs').querySelector('.words').textContent = person.greeting;
  }

  /** The user's message; without text it is a recording whose words are not known yet. */
  ask(turn, text) {
    const mine = this.#add('mine');
    mine.querySelector('.words').textContent = text ?? '…';
    mine.classList.toggle('pending', text === undefined);
    this.#bubbles.set(turn.id, { mine });
  }

  transcript(turn, text) {
    const mine = this.#bubbles.get(turn.id)?.mine;
    if (!mine) return;
    mine.classList.remove('pending');
    mine.querySelector('.words').textContent = text;
  }

  /** More of the reply. */
  write(turn, text) {
    this.#theirs(turn).querySelector('.words').append(text);
    this.#follow();
  }

  /** Marks a reply that was cut off. */
  interrupted(turn) {
    const { mine, theirs } = this.#bubbles.get(turn.id) ?? {};
    theirs?.classList.add('cut');
    if (mine?.classList.contains('pending')) this.transcript(turn, '(stopped before it was understood)');
    this.finished(turn);
  }

  failed(turn, message) {
    this.#bubbles.get(turn.id)?.mine?.classList.remove('pending');
    const note = make('p', 'failure', { role: 'alert' }, message);
    this.#theirs(turn).append(note);
    this.#follow();
  }

  /** Offers a reply that has been heard to be heard again and taken home. */
  finished(turn) {
    const theirs = this.#bubbles.get(turn.id)?.theirs;
    if (!theirs || !turn.segments.length || theirs.querySelector('.actions')) return;
    const actions = make('div', 'actions');
    const again = make('button', 'again', { type: 'button' }, 'Replay');
    again.addEventListener('click', () => this.#replay(turn));
    actions.append(
      again,
      download('Sound (WAV)', 'wav', () => wavOf(turn.segments)),
      download('Visemes (JSON)', 'json', () => new Blob([JSON.stringify(timelineOf(turn.segments))], { type: 'application/json' })),
    );
    theirs.append(actions);
    this.#follow();
  }

  /** How long each step took, in ms from the hand-over of the utterance; the first sound is measured where it is heard. */
  receipt(turn) {
    const { transcript, text, sound } = turn.times;
    const steps = [
      ['transcript', transcript],
      ['first text', text],
      ['first sound', sound],
    ];
    this.#receipt.replaceChildren('heard');
    for (const [name, ms] of steps) {
      if (ms !== undefined) this.#receipt.append(' → ', make('b', '', {}, name), ` ${Math.round(ms)} ms`);
    }
    this.#receipt.hidden = false;
  }

  clear() {
    this.#list.replaceChildren();
    this.#bubbles.clear();
    this.#receipt.hidden = true;
  }

  #theirs(turn) {
    const bubbles = this.#bubbles.get(turn.id) ?? {};
    bubbles.theirs ??= this.#add('theirs');
    this.#bubbles.set(turn.id, bubbles);
    return bubbles.theirs;
  }

  #add(whose) {
    const item = make('li', `said ${whose}`);
    item.append(make('span', 'who', {}, whose === 'mine' ? 'You said: ' : 'They said: '), make('span', 'words'));
    this.#list.append(item);
    this.#follow();
    return item;
  }

  #follow() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function download(label, kind, content) {
  const link = make('a', 'take', { href: '#', download: `visavis.${kind}`, role: 'button' }, label);
  link.addEventListener('click', () => {
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(content());
  });
  return link;
}
