// Page: wires what the user does to Python and to the stage, and what Python and the stage say to what is shown.
import { Talk } from '../capture/talk.mjs';
import { Conversation } from '../chat/conversation.mjs';
import { present } from './dom.mjs';
import { FileDrop, offerFile } from './files.mjs';
import { EnginePanel } from '../panels/engine-panel.mjs';
import { OwnAvatar } from '../panels/own-avatar.mjs';
import { PersonaPicker } from '../panels/persona-picker.mjs';
import { ServerLink } from './server-link.mjs';
import { StageLink } from './stage-link.mjs';
import { StatusLine } from './status-line.mjs';
import { offerTopics } from '../chat/topics.mjs';
import { TurnTracker } from '../chat/turn-tracker.mjs';
import { VideoRequests } from '../chat/video-button.mjs';

const IDS = ['talk', 'hands-free', 'say', 'send', 'stop', 'clear', 'file', 'persona', 'chat', 'status', 'receipt', 'beginning', 'level', 'engines'];
/** Events of an open microphone. */
const LIVE = ['listening', 'user', 'barge'];
/** A stage that says nothing for so long has not been loaded, in ms. */
const STAGE_WITHIN_MS = 20_000;
const NO_STAGE = 'The stage with the person could not be loaded. Reload the page to try again; until then you can read the answers.';
/** A greeting waits for who greets to stand on the stage, at most so long, in ms. */
const BODY_WITHIN_MS = 3000;
const FORGOTTEN = 'The connection was away for too long: what was said before is forgotten.';

/** Called once by the Gradio component; resolves when the page is there. @param {HTMLElement} frame of the stage */
export async function open(frame) {
  window.visavis = new Page(await present(IDS), frame);
  window.visavis.start();
}

class Page {
  #server;
  #parts;
  #stage;
  #status;
  #turns;
  #talk;
  #drop;
  #lost = false; // whether the app has stopped answering
  #greeted = false;
  #mostChars = Infinity; // of a message
  #mostMb = 0; // size of the largest audio file that is taken
  #patience = 0; // the timer of a greeting that waits
  #guest = null; // the id of who sits beside

  constructor(parts, frame) {
    this.#parts = parts;
    this.#server = new ServerLink({
      onEvent: (event) => this.receive(event),
      onUnreachable: (sentence) => this.#unreachable(sentence),
      onReached: () => this.#reached(),
      onForgotten: () => this.#forgotten(),
      onRestarted: () => location.reload(),
      persona: () => this.people.called ?? this.people.current?.id ?? '',
    });
    const tell = (message, data) => this.#server.send(message, data);
    this.conversation = new Conversation(parts.chat, parts.receipt, {
      replay: (turn) => this.replay(turn),
      film: (turn, onProgress) => this.#film(turn, onProgress),
      stop: () => this.stop(),
    });
    this.people = new PersonaPicker(parts.persona, (id) => this.choose(id));
    this.engines = new EnginePanel(parts.engines, (order) => tell({ type: 'engine', ...order }));
    this.#stage = new StageLink(frame, (message) => this.#fromStage(message));
    this.#status = new StatusLine(parts.status, parts.level, this.#stage);
    this.own = new OwnAvatar(parts.persona.parentElement, this.people, (person, more) => this.#present(person, more));
    this.#drop = new FileDrop(parts.persona.parentElement, () => this.people.current?.name ?? 'the person', {
      sound: (file) => this.upload(file),
      picture: (file) => this.#stage.post({ type: 'picture', file }),
      avatar: (file) => this.own.wear(file),
    });
    this.videos = new VideoRequests(this.#stage);
    this.#turns = new TurnTracker(this.#stage, this.conversation, tell, {
      state: (doing) => this.#talk.dispatch({ type: 'persona', doing }),
      failed: (sentence) => {
        this.people.call(null);
        this.#fail(sentence);
      },
    });
    this.#talk = new Talk(parts, tell, {
      pressed: () => this.#isSounding && this.#hush(),
      recording: () => this.#hush(),
      take: (recording, note) => this.hear(recording, note),
      status: (status, words) => this.#status.show(status, words),
      level: (level, open) => this.#status.level(level, open),
      isSounding: () => this.#isSounding,
      hasFloor: () => this.#turns.state !== 'idle',
      voice: (how) => this.#lower(how),
      tap: (on) => this.#stage.post({ type: 'tap', on }),
      stop: () => this.#giveWay(),
      act: (name) => this.#stage.post({ type: 'act', name }),
      words: (text) => this.conversation.hearing(text),
      answered: (turn, text) => this.#turns.adopt(turn, text),
      nothing: () => this.conversation.unheard(),
      remark: (sentence) => this.conversation.remark(sentence),
    });
  }

  start() {
    const wake = () => {
      this.#stage.post({ type: 'resume' });
      this.#talk.wake();
    };
    for (const gesture of ['pointerdown', 'keydown']) document.addEventListener(gesture, wake, { capture: true });
    this.#stopByKeyIn(window);
    this.#parts.talk.title = 'Hold it, or the space bar, while you speak; or tap to begin, and once more to send';
    this.#parts.say.querySelector('textarea').dir = 'auto';
    offerFile(this.#parts.file, 'audio/*', (file) => this.upload(file));
    this.#parts.say.addEventListener('input', () => this.#talk.dispatch({ type: 'typed' }));
    this.#server.run();
    setTimeout(() => this.#stage.isReady || this.#fail(NO_STAGE), STAGE_WITHIN_MS);
  }

  /** Esc silences the person, whatever else it does. */
  #stopByKeyIn(other) {
    other.addEventListener('keydown', ({ key }) => key === 'Escape' && (this.#turns.state !== 'idle' || this.#talk.state.button !== 'rest') && this.stop());
  }

  // ---- what the user does

  /** Sends a typed message; a recording that is going on is forgotten. @returns {boolean} whether it can be sent */
  say(text) {
    const chars = [...text].length;
    if (!text.trim()) this.#talk.dispatch({ type: 'hint', words: 'Type or say something first.' });
    else if (chars > this.#mostChars) this.#fail(`That message has ${chars} characters; please keep it under ${this.#mostChars}.`);
    else return this.#say(text);
    return false;
  }

  #say(text) {
    this.#talk.dispatch({ type: 'cancel' });
    if (this.#talk.state.user !== 'silent') this.#talk.restart();
    this.#send({ text });
    return true;
  }

  /** Sends a recording. @param {{pcm: Int16Array, sampleRate: number}} recording  @param {string} [note] what the user should know of it */
  hear(recording, note) {
    this.#send({ recording });
    if (note) this.conversation.remark(note);
  }

  /** Sends an audio file. @param {File} file */
  async upload(file) {
    if (file.size > this.#mostMb * 1e6) {
      this.#fail(`That file is too large; please keep it under ${this.#mostMb} MB.`);
      return;
    }
    const content = await file.arrayBuffer();
    this.#talk.dispatch({ type: 'cancel' });
    this.#send({ file: content });
  }

  /** Silences the person at once and tells Python how much was heard. */
  stop() {
    this.#talk.dispatch({ type: 'cancel' });
    this.#hush();
  }

  /** Forgets the conversation. */
  clear() {
    this.stop();
    this.#talk.restart();
    const hasSpoken = this.#parts.chat.querySelector('.mine') !== null;
    const restore = this.conversation.clear();
    this.conversation.greet(this.people.current);
    this.#server.send({ type: 'cleared' });
    if (hasSpoken) this.conversation.offerUndo(() => this.#undoClear(restore));
  }

  /** @param {() => void} restore what was shown */
  async #undoClear(restore) {
    const problem = await this.#server.send({ type: 'recalled' });
    if (problem) this.#fail(problem);
    else restore();
  }

  /** Talks with somebody else. */
  choose(id) {
    this.stop();
    this.#talk.restart();
    this.conversation.clear();
    this.people.call(id);
    this.#beGreeted({ type: 'persona', id });
  }

  /** Says a finished reply again, lips and all. */
  replay(turn) {
    this.#talk.dispatch({ type: 'cancel' });
    this.#turns.replay(turn);
  }

  /** Makes a film of a finished reply: see `VideoRequests.make`. */
  #film(turn, onProgress) {
    this.stop();
    return this.videos.make(turn, onProgress);
  }

  /** Somebody sits down beside whoever is talked with, or leaves. @param {string | null} id */
  invite(id) {
    const person = this.people.find(id);
    this.#guest = person ? id : null;
    if (person) this.#present(person, { seat: 'second' });
    else this.#stage.post({ type: 'persona', seat: 'second', id: null });
    this.#offerPeople();
  }

  /** Silence now. @returns {boolean} whether Python was told how much was heard */
  #hush() {
    return this.#turns.interrupt();
  }

  /** The user has interrupted the person; Python waits to hear how much was heard. */
  #giveWay() {
    if (!this.#hush()) this.#server.send({ type: 'stopped', turn: '', index: -1, ms: 0 });
  }

  /** Somebody speaks: the person's voice is lowered or silenced, or a sound that has not begun waits. @param {'full' | 'low' | 'silent'} how */
  #lower(how) {
    this.#stage.post({ type: 'voice', how });
    if (how === 'full') this.#turns.release();
    else this.#turns.hold();
  }

  #send(utterance) {
    this.#turns.send(utterance);
    this.#stage.post({ type: 'resume' });
  }

  // ---- what Python says

  receive(event) {
    if (event.type === 'status') this.#showStatus(event);
    else if (event.type === 'persona') this.#meet(event);
    else if (LIVE.includes(event.type)) this.#talk.receive(event);
    else this.#turns.receive(event);
  }

  #unreachable(sentence) {
    this.#lost = true;
    if (!this.#talk.state.trouble) this.#fail(sentence);
  }

  #reached() {
    if (this.#lost) this.#talk.dispatch({ type: 'mended' });
    this.#lost = false;
  }

  /** The connection was away for so long that Python has let go of the conversation. */
  #forgotten() {
    this.#talk.restart();
    if (!this.#turns.fail(FORGOTTEN)) this.conversation.remark(FORGOTTEN);
  }

  #meet(person) {
    if (this.people.called && this.people.called !== person.id) return; // somebody else was chosen meanwhile
    const comes = person.id !== this.people.current?.id;
    this.people.meet(person);
    if (comes) this.#present(person);
    if (person.id === this.#guest) this.invite(null);
    this.#offerPeople();
  }

  /** Asks for a greeting; it is heard once its speaker stands on the stage. @param {object} message that brings it */
  #beGreeted(message) {
    this.#turns.ask(message);
    this.#turns.hold();
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#turns.release(), BODY_WITHIN_MS);
  }

  /** Puts somebody on the stage, in the body that the user gave them if there is one. */
  #present(person, more = {}) {
    this.#stage.post({ ...person, own: this.own.bodyOf(person.id), ...more, type: 'persona' });
    if (more.seat !== undefined) return;
    this.conversation.speaker = person.name;
    offerTopics(this.#parts.beginning.querySelector('.topics'), person.topics, person.language, (text) => this.say(text));
    this.own.tellOnlyOf(person.id);
  }

  /** The stage's menu offers whoever is not on the stage yet. */
  #offerPeople() {
    this.#stage.post({ type: 'people', people: this.people.others(), guest: this.#guest });
  }

  // ---- what the stage says

  #fromStage(message) {
    if (message.type === 'played') {
      this.#talk.played(message.samples, message.sampleRate);
      return;
    }
    this.#turns.hear(message);
    this.videos.hear(message);
    this.own.hear(message);
    if (message.type === 'invite') {
      this.invite(message.id);
    } else if (message.type === 'ready') {
      this.#talk.alsoKeysOf(this.#stage.window);
      this.#stopByKeyIn(this.#stage.window);
      this.#drop.watch(this.#stage.window);
    } else if (message.type === 'people') {
      this.#turns.release();
    } else if (message.type === 'blocked') {
      this.#talk.dispatch({ type: 'hint', words: 'Tap the stage to turn the sound on.' });
    } else if (message.type === 'error') {
      this.#fail(message.message);
    }
  }

  // ---- what is shown

  /** Whether the person can be heard. */
  get #isSounding() {
    return this.#turns.state === 'speaking';
  }

  #fail(sentence) {
    this.#talk.dispatch({ type: 'trouble', sentence });
  }

  #showStatus(status) {
    const shown = JSON.stringify(this.people.current);
    this.people.show(status);
    this.engines.show(status);
    this.#talk.longestMs = status.limits.maxUtteranceMs;
    this.#mostMb = status.limits.maxUploadMb;
    this.#mostChars = status.limits.maxTextChars;
    this.#offerPeople();
    if (JSON.stringify(this.people.current) !== shown) this.#present(this.people.current);
    if (!this.#greeted) {
      this.#talk.dispatch({ type: 'loaded' });
      const { current } = this.people;
      if (current.id === status.first) this.#beGreeted({ type: 'greet' });
      else this.#beGreeted({ type: 'persona', id: current.id }); // whom this browser remembers
      this.#talk.restore();
    }
    this.#greeted = true;
  }
}
