// The parent page's wiring: what the user does goes to Python and to the stage, what Python says goes to the conversation and to the stage.
import { toBase64 } from './base64.mjs';
import { Conversation } from './conversation.mjs';
import { EnginePanel } from './engine-panel.mjs';
import { Films } from './video-button.mjs';
import { Microphone } from '../capture/microphone.mjs';
import { OwnAvatar } from './own-avatar.mjs';
import { PersonaPicker } from './persona-picker.mjs';
import { StageLink } from './stage-link.mjs';
import { PushToTalk } from '../capture/push-to-talk.mjs';

const IDS = ['talk', 'say', 'send', 'stop', 'clear', 'persona', 'chat', 'status', 'receipt', 'level', 'engines'];
const STATE_EVERY_MS = 3000;
const BUSY_STATE_EVERY_MS = 1000; // while an engine is on its way
const BUSY = ['listening', 'thinking', 'speaking'];
const WORDS = {
  loading: 'Loading …',
  idle: 'Ready',
  listening: 'Listening …',
  thinking: 'Thinking …',
  speaking: 'Speaking',
  failed: 'Something went wrong',
};

/** Called once by the Gradio component; resolves when the page works. */
export async function open({ element, trigger, props, server, watch }) {
  const parts = await present(IDS);
  const page = new Page(parts, element.querySelector('.stage-frame'), trigger, server);
  window.visavis = page;
  watch('value', () => page.receive(props.value));
  await page.start();
}

/** Waits until Gradio has drawn the elements with these ids. */
async function present(ids) {
  for (;;) {
    const found = Object.fromEntries(ids.map((id) => [id, document.getElementById(id)]));
    if (Object.values(found).every(Boolean)) return found;
    await new Promise(requestAnimationFrame);
  }
}

class Page {
  #trigger;
  #server;
  #parts;
  #stage;
  #talk;
  #turn = null;
  #dropped = new Set();
  #lost = false; // whether the app has stopped answering
  #guest = null; // the id of who sits beside

  constructor(parts, frame, trigger, server) {
    this.#parts = parts;
    this.#trigger = trigger;
    this.#server = server;
    this.conversation = new Conversation(parts.chat, parts.receipt, {
      replay: (turn) => this.replay(turn),
      film: (turn, onProgress) => this.#film(turn, onProgress),
      stop: () => this.stop(),
    });
    this.people = new PersonaPicker(parts.persona, (id) => this.choose(id));
    this.engines = new EnginePanel(parts.engines, (order) => this.#orderEngine(order));
    this.#stage = new StageLink(frame, (message) => this.#fromStage(message));
    this.own = new OwnAvatar(parts.persona.parentElement, this.#stage, this.people);
    this.films = new Films(this.#stage);
    const microphone = new Microphone({
      onLevel: (level) => this.#showLevel(level),
      onError: (sentence) => this.#state('failed', sentence),
    });
    this.#talk = new PushToTalk(parts.talk, microphone, {
      onStart: () => this.#listen(),
      onTake: (recording) => this.hear(recording),
      onNothing: (sentence) => this.#state('failed', sentence),
    });
  }

  async start() {
    this.#state('loading');
    await this.#refresh();
    this.#begin();
    this.#state('thinking');
    this.#trigger('greet', { turn: this.#turn.id });
    for (const gesture of ['pointerdown', 'keydown'])
      document.addEventListener(gesture, () => this.#stage.post({ type: 'resume' }), { capture: true });
    this.#keepLooking();
  }

  async #keepLooking() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, this.engines.busy ? BUSY_STATE_EVERY_MS : STATE_EVERY_MS));
      if (!document.hidden) await this.#refresh();
    }
  }

  // ---- what the user does

  /** Sends a typed message. */
  say(text) {
    if (text.trim()) return this.#hand({ text });
    const { state } = this.#parts.status.dataset;
    return this.#state(BUSY.includes(state) ? state : 'idle', 'Type or say something first.');
  }

  /** Sends a recording. @param {{pcm: Int16Array, sampleRate: number}} recording */
  hear(recording) {
    return this.#hand({ recording });
  }

  /** Silences the person at once and tells Python how much was heard. */
  stop() {
    this.#talk.cancel();
    this.#state('idle');
    return this.#interrupt();
  }

  /** Forgets the conversation. */
  async clear() {
    const told = this.stop();
    this.conversation.clear();
    this.conversation.greet(this.people.current);
    await told;
    this.#trigger('cleared', {});
  }

  /** Talks with somebody else. */
  async choose(id) {
    const told = this.stop();
    this.conversation.clear();
    this.people.call(id);
    const { id: turn } = this.#begin();
    this.#state('thinking');
    await told;
    if (this.people.called === id) this.#trigger('persona', { id, turn }); // else somebody else was chosen meanwhile
  }

  /** Says a finished reply again, lips and all. */
  replay(turn) {
    this.stop();
    this.#stage.play(turn, `again-${crypto.randomUUID()}`);
    this.#state('speaking');
  }

  /** Says a finished reply again and films it: see `Films.take`. */
  #film(turn, onProgress) {
    this.stop();
    this.#state('speaking');
    return this.films.take(turn, onProgress);
  }

  /** Somebody sits down beside whoever is talked with, or leaves. @param {string | null} id */
  invite(id) {
    const person = this.people.find(id);
    this.#guest = person ? id : null;
    this.#stage.post({ ...(person ?? { id: null }), type: 'persona', seat: 'second' });
    this.#offerPeople();
  }

  async #orderEngine(order) {
    const answer = await this.#server.engine(order);
    await this.#refresh();
    return answer;
  }

  #listen() {
    this.#state('listening');
    this.#interrupt();
  }

  async #hand({ text, recording }) {
    const silenced = this.#hush();
    const turn = this.#begin();
    this.conversation.ask(turn, text);
    this.#state('thinking');
    this.#stage.post({ type: 'resume' });
    const said = recording ? { pcm: toBase64(new Uint8Array(recording.pcm.buffer)), sampleRate: recording.sampleRate } : { text };
    this.#trigger('utterance', { turn: turn.id, heard: await silenced, ...said });
  }

  #begin(id = crypto.randomUUID()) {
    this.#turn = { id, handedOver: performance.timeOrigin + performance.now(), times: {}, segments: [], done: false };
    return this.#turn;
  }

  /** Silence now; Python hears of it as soon as it is known how far the running turn was heard. */
  async #interrupt() {
    const heard = await this.#hush();
    if (heard) this.#trigger('stopped', heard);
  }

  /** Silence now, and no turn is running any more; resolves, in the order of the calls, to how far the running turn was heard, or null if none was running. */
  async #hush() {
    const turn = this.#turn;
    this.#turn = null;
    const silenced = this.#stage.silence();
    if (turn) this.#dropped.add(turn.id);
    const { turn: heardTurn, index, ms } = await silenced;
    if (!turn) return null; // what was replayed is silent too, and nobody needs to know how far it was
    const heard = heardTurn === turn.id ? { turn: turn.id, index, ms } : { turn: turn.id, index: -1, ms: 0 };
    if (turn.done && heard.index < 0) {
      this.conversation.finished(turn); // not a sound of it was heard, but all of it could be read
      return null;
    }
    this.conversation.interrupted(turn);
    return heard;
  }

  // ---- what Python says

  receive(event) {
    if (!event?.type || event.type === 'hello') return;
    if (event.type === 'persona') return this.#meet(event);
    if (this.#dropped.has(event.turn)) return;
    if (event.turn !== this.#turn?.id) this.#adopt(event);
    const turn = this.#turn;
    if (event.seq <= turn.seq) return; // Gradio sends the last value again at the end
    turn.seq = event.seq;
    const since = performance.timeOrigin + performance.now() - turn.handedOver;
    if (event.type === 'started') {
      for (const notice of event.notices) this.conversation.notice(notice);
    } else if (event.type === 'transcript') {
      turn.times.transcript = since;
      this.conversation.transcript(turn, event.text);
    } else if (event.type === 'delta') {
      turn.times.text ??= since;
      this.conversation.write(turn, event.text);
    } else if (event.type === 'segment') {
      turn.segments.push(this.#stage.speak(event));
    } else if (['completed', 'interrupted', 'failed'].includes(event.type)) {
      this.#ended(turn, event);
    }
  }

  /** A turn that Python began: an audio file was handed over. */
  #adopt(event) {
    this.#interrupt();
    this.conversation.ask(this.#begin(event.turn), undefined);
    this.#state('thinking');
  }

  #ended(turn, event) {
    turn.done = true;
    this.#stage.post({ type: 'end', turn: turn.id });
    if (event.type === 'failed') {
      this.people.call(null);
      this.conversation.failed(turn, event.message);
      this.#state('failed', event.message);
    }
    if (!turn.segments.length) this.#finished(turn);
  }

  #meet(person) {
    if (this.people.called && this.people.called !== person.id) return; // somebody else was chosen meanwhile
    this.people.meet(person);
    this.#stage.post({ ...person, type: 'persona' });
    if (person.id === this.#guest) this.invite(null);
    this.#offerPeople();
  }

  /** The stage's menu offers whoever is not on the stage yet. */
  #offerPeople() {
    this.#stage.post({ type: 'people', people: this.people.others(), guest: this.#guest });
  }

  // ---- what the stage says

  #fromStage(message) {
    const turn = this.#turn;
    this.films.hear(message);
    this.own.hear(message);
    if (message.type === 'invite') {
      this.invite(message.id);
    } else if (message.type === 'ready') {
      this.#talk.alsoKeysOf(this.#stage.window);
      this.own.alsoDropsOn(this.#stage.window);
    } else if (message.type === 'blocked') {
      this.#state('idle', 'Tap the stage to turn the sound on.');
    } else if (message.type === 'error') {
      this.#state('failed', message.message);
    } else if (message.type === 'started' && message.turn === turn?.id) {
      if (turn.times.sound === undefined) {
        turn.times.sound = message.at - turn.handedOver;
        this.conversation.receipt(turn);
      }
      this.#state('speaking');
    } else if (message.type === 'finished') {
      if (message.turn === turn?.id) this.#finished(turn);
      else if (!turn && this.#parts.status.dataset.state === 'speaking') this.#state('idle'); // a replay
    }
  }

  #finished(turn) {
    if (this.#parts.status.dataset.state !== 'failed') this.#state('idle');
    this.conversation.finished(turn);
    this.#dropped.add(turn.id);
    if (this.#turn === turn) this.#turn = null;
  }

  // ---- what is shown

  #state(state, text) {
    const { status } = this.#parts;
    status.dataset.state = state;
    status.textContent = text ?? WORDS[state];
    this.#stage.post({ type: 'state', state, text: status.textContent });
  }

  #showLevel(level) {
    const meter = this.#parts.level;
    meter.setAttribute('aria-valuenow', String(Math.round(level * 100)));
    meter.style.setProperty('--level', level.toFixed(3));
  }

  async #refresh() {
    const state = await this.#server.state({}).catch(() => null); // Gradio answers with nothing when nobody is there
    if (!state) {
      this.#lost = true;
      if (this.#parts.status.dataset.state !== 'failed') this.#state('failed', 'The app does not answer; is it still running?');
      return;
    }
    if (this.#lost) this.#state(this.#turn ? 'thinking' : 'idle'); // only a hiccup: after a restart Gradio loads the page anew
    this.#lost = false;
    const shown = JSON.stringify(this.people.current);
    this.people.show(state);
    this.engines.show(state);
    this.#offerPeople();
    if (JSON.stringify(this.people.current) !== shown) this.#stage.post({ ...this.people.current, type: 'persona' });
  }
}
