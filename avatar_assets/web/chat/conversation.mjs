// Conversation view: what was said as bubbles, how long the answer took, and the finished replies to hear again or to take home.
import { durationOf } from '../playback/segment.mjs';
import { make } from '../page/dom.mjs';
import { timelineFile, wavFile } from './export.mjs';
import { ReplyText } from './reply-text.mjs';
import { videoButton } from './video-button.mjs';

/** How long a browser may take to fetch a download from memory, in ms. */
const DOWNLOAD_MS = 60_000;
/** So much sound of replies is kept to be heard again, in ms: about 30 MB. The last reply always is. */
const REPLAYABLE_MS = 600_000;
/** This close to its end, or to the word that is heard, the conversation follows; elsewhere somebody is reading. In px. */
const NEAR_PX = 80;
/** So many words of a reply tell its buttons from those of others, for whoever hears their names. */
const NAMING_WORDS = 6;

export class Conversation {
  #list;
  #receipt;
  #on;
  #bubbles = new Map();
  #live = null; // what is being said hands-free, before it is known whether it wants an answer
  #replayable = []; // turns that can be heard again, oldest first
  #noticed = new Set();
  #follows = true; // whether it scrolls by itself
  #speaking = null; // the reply that is being written or heard
  #placed = 0; // where it scrolled itself
  #scrolling = false;

  /** The name of whoever answers. */
  speaker = '';

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} receipt
   * @param {object} on what is asked for of a finished turn
   * @param {(turn: object) => void} on.replay
   * @param {(turn: object, onProgress: (ms: number, of: number) => void) => Promise<object>} on.film see `VideoRequests.make`
   * @param {() => void} on.stop ends either
   */
  constructor(list, receipt, on) {
    this.#list = list;
    this.#receipt = receipt;
    this.#on = on;
    list.addEventListener('scroll', () => {
      if (Math.abs(list.scrollTop - this.#placed) < 2) return;
      this.#follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX || Math.abs(list.scrollTop - this.#place()) < NEAR_PX;
    });
  }

  /** The person's greeting, before anything was said. */
  greet(person) {
    const words = this.#add('theirs').querySelector('.words');
    words.textContent = person.greeting;
    words.lang = person.language;
  }

  /** The user's message; without text it is a recording whose words are not known yet. */
  ask(turn, text) {
    const mine = this.#live ?? this.#add('mine');
    this.#live = null;
    const words = mine.querySelector('.words');
    words.textContent = text ?? (words.textContent || '…');
    mine.classList.toggle('pending', text === undefined);
    mine.removeAttribute('aria-busy');
    this.#list.querySelector('.undo')?.parentElement.remove();
    this.#bubbles.set(turn.id, { mine });
    this.#speaking = null;
    this.#follows = true; // whoever speaks wants to see the answer
  }

  /** The words of the user so far, who may go on. */
  hearing(text) {
    this.#live ??= this.#add('mine');
    this.#live.classList.add('pending');
    this.#live.setAttribute('aria-busy', 'true'); // nobody wants to be read to while they speak
    this.#follow(() => (this.#live.querySelector('.words').textContent = text));
  }

  /** It wants no answer: a cough, a "mm-hm". */
  unheard() {
    this.#live?.remove();
    this.#live = null;
  }

  /** @param {string} [language] its BCP 47 tag, as far as it is known */
  transcript(turn, text, language) {
    const mine = this.#bubbles.get(turn.id)?.mine;
    if (!mine) return;
    mine.classList.remove('pending');
    const words = mine.querySelector('.words');
    words.textContent = text;
    words.lang = language ?? '';
  }

  /** Something the user should know before the reply, once. */
  notice(text) {
    if (this.#noticed.has(text)) return;
    this.#noticed.add(text);
    this.remark(text);
  }

  /** Something the user should know, each time. */
  remark(text) {
    const note = make('p', 'notice', {}, text);
    this.#follow(() => this.#list.append(note));
    return note;
  }

  /** More of the reply. */
  write(turn, text) {
    const theirs = this.#theirs(turn);
    theirs.setAttribute('aria-busy', 'true'); // or a screen reader would begin anew with every few letters
    this.#follow(() => this.#bubbles.get(turn.id).text.write(text));
  }

  /** Marks the word that is heard. @param {object} turn  @param {number} index of the segment  @param {number} word which of it */
  hear(turn, index, word) {
    const { theirs, text } = this.#bubbles.get(turn.id) ?? {};
    const to = turn.segments.find((segment) => segment.index === index)?.wends?.[word];
    if (!text || to === undefined) return;
    const ends = turn.segments.flatMap((segment) => (segment.index < index ? segment.wends : segment.index === index ? segment.wends.slice(0, word) : []));
    this.#speaking = theirs;
    this.#follow(() => text.mark(ends.at(-1) ?? 0, to));
  }

  /** Python remembers only the beginning of a reply as said. @param {string} id of its turn  @param {string} text that */
  remembered(id, text) {
    this.#bubbles.get(id)?.text?.keep(text);
  }

  /** Marks a reply that was cut off. */
  interrupted(turn) {
    const { mine, theirs, text } = this.#bubbles.get(turn.id) ?? {};
    theirs?.classList.add('cut');
    text?.cut();
    if (mine?.classList.contains('pending')) this.transcript(turn, '(stopped before it was understood)');
    this.finished(turn);
  }

  failed(turn, message) {
    if (this.#bubbles.get(turn.id)?.mine?.classList.contains('pending')) this.transcript(turn, '(not understood)');
    const note = make('p', 'failure', {}, message);
    const theirs = this.#theirs(turn);
    theirs.removeAttribute('aria-busy');
    this.#follow(() => theirs.append(note));
  }

  /** Offers a reply that has been heard to be heard again and taken home. */
  finished(turn) {
    const { theirs, text } = this.#bubbles.get(turn.id) ?? {};
    text?.unmark();
    if (theirs === this.#speaking) this.#follow(() => (this.#speaking = null));
    theirs?.removeAttribute('aria-busy');
    if (!theirs || !turn.segments.length || theirs.querySelector('.actions')) return;
    const actions = make('div', 'actions');
    const words = theirs.querySelector('.words').textContent.split(/\s+/);
    const of = words.slice(0, NAMING_WORDS).join(' ') + (words.length > NAMING_WORDS ? ' …' : '');
    const again = make('button', 'again', { type: 'button', 'aria-label': `Replay: ${of}` }, 'Replay');
    again.addEventListener('click', () => this.#on.replay(turn));
    actions.append(
      again,
      ...videoButton((onProgress) => this.#on.film(turn, onProgress), () => this.#on.stop(), save, of),
      download('Sound (WAV)', 'wav', of, () => wavFile(turn.segments)),
      download('Visemes (JSON)', 'json', of, () => timelineFile(turn.segments)),
    );
    this.#follow(() => theirs.append(actions));
    this.#replayable.push(turn);
    this.#letGo();
  }

  /** Lets go of the sound of the oldest replies, or a long conversation would fill the memory. */
  #letGo() {
    const lengthOf = ({ segments }) => segments.reduce((sum, segment) => sum + durationOf(segment), 0);
    let kept = this.#replayable.reduce((sum, turn) => sum + lengthOf(turn), 0);
    while (kept > REPLAYABLE_MS && this.#replayable.length > 1) {
      const turn = this.#replayable.shift();
      kept -= lengthOf(turn);
      turn.segments = [];
      const { theirs } = this.#bubbles.get(turn.id);
      theirs.querySelector('.actions').remove();
      theirs.classList.add('past'); // the style sheet says it
    }
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
    this.#bubbles.get(turn.id)?.theirs?.setAttribute('aria-live', 'off'); // it is heard: a screen reader need not say it too
  }

  /** @returns {() => void} undoes it, as long as nothing was added since */
  clear() {
    const [shown, bubbles, replayable, noticed] = [[...this.#list.children], [...this.#bubbles], this.#replayable, [...this.#noticed]];
    this.#empty();
    return () => {
      this.#empty();
      this.#replayable = replayable;
      for (const one of bubbles) this.#bubbles.set(...one);
      for (const one of noticed) this.#noticed.add(one);
      this.#follow(() => this.#list.append(...shown));
    };
  }

  /** Offers to undo that it was cleared, until something is said. @param {() => void} undo */
  offerUndo(undo) {
    const button = make('button', 'undo', { type: 'button' }, 'Undo');
    button.addEventListener('click', undo);
    this.remark('The conversation was cleared. ').append(button);
  }

  #empty() {
    this.#list.replaceChildren();
    this.#follows = true;
    this.#speaking = null;
    this.#bubbles.clear();
    this.#live = null;
    this.#replayable = [];
    this.#noticed.clear();
    this.#receipt.hidden = true;
  }

  #theirs(turn) {
    const bubbles = this.#bubbles.get(turn.id) ?? {};
    if (!bubbles.theirs) {
      bubbles.theirs = this.#speaking = this.#add('theirs');
      const words = bubbles.theirs.querySelector('.words');
      words.lang = turn.language ?? '';
      bubbles.text = new ReplyText(words);
    }
    this.#bubbles.set(turn.id, bubbles);
    return bubbles.theirs;
  }

  #add(whose) {
    const item = make('div', `said ${whose}`);
    item.append(make('span', 'who', {}, `${whose === 'mine' ? 'You' : this.speaker} said: `), make('span', 'words', { dir: 'auto' }));
    this.#follow(() => this.#list.append(item));
    return item;
  }

  /** Changes the conversation and keeps in sight what is heard, else its end; nothing is measured before the next frame, for sound may wait. */
  #follow(change) {
    change();
    if (this.#scrolling) return;
    this.#scrolling = true;
    requestAnimationFrame(() => {
      this.#scrolling = false;
      if (this.#follows) this.#list.scrollTop = this.#placed = this.#place();
    });
  }

  /** Where it should stand: at its end, but a reply that is longer than the view begins at its top and goes on with the word that is heard. */
  #place() {
    const list = this.#list;
    const end = Math.max(0, list.scrollHeight - list.clientHeight);
    const word = this.#speaking?.querySelector('mark');
    const anchor = word ?? this.#speaking;
    if (!anchor) return end;
    const top = anchor.getBoundingClientRect().top - list.getBoundingClientRect().top + list.scrollTop;
    return Math.round(Math.max(0, Math.min(end, top - (word ? list.clientHeight / 2 : 0))));
  }
}

function download(label, kind, of, content) {
  const button = make('button', 'take', { type: 'button', 'aria-label': `${label}: ${of}` }, label);
  button.addEventListener('click', () => save(content(), kind));
  return button;
}

function save(file, suffix) {
  const href = URL.createObjectURL(file);
  make('a', '', { href, download: `visavis.${suffix}` }).click();
  setTimeout(URL.revokeObjectURL, DOWNLOAD_MS, href);
}
