// Hands-free: the switch beside the talk button, and what an open microphone means for the page: frames up, what Python decides down.
import { FrameSender } from './frame-sender.mjs';
import { LevelDetector } from './level-detector.mjs';
import { levelOf } from '../capture/microphone.mjs';
import { BargeIn } from './barge-in.mjs';
import { make } from '../page/dom.mjs';
import { ListenerFace } from './listener-face.mjs';
import { remember, remembered } from '../page/remembered.mjs';

const KEPT_AS = 'visavis.hands-free';
/** What I do, in words. */
const MINE = {
  opening: 'Microphone …',
  silent: 'You: silent',
  speaking: 'You: speaking',
  pausing: 'You: pausing',
  paused: 'You: by the button',
  muted: 'Your microphone is muted, or a call has it',
};
const HIDDEN = 'Hands-free was switched off while the page was hidden. Switch it on again when you are back.';
const LOST = 'The connection stood still for too long: what you said in the last seconds is lost. Hands-free goes on as soon as it can.';

/** What was kept, as far as it makes sense. @param {string | null} kept JSON  @returns {{on: boolean, halfDuplex: boolean}} */
export function choicesOf(kept) {
  let found = {};
  try {
    found = JSON.parse(kept ?? '{}') ?? {};
  } catch {
    // Somebody else wrote there: begin anew.
  }
  return { on: found.on === true, halfDuplex: found.halfDuplex === true };
}

export class HandsFree {
  #button;
  #microphone;
  #on;
  #sender;
  #level = new LevelDetector();
  #barge;
  #face;
  #row = make('div', 'hands-free-row');
  #mine = make('span', 'mine-state');
  #note = make('span', 'hands-free-note', { role: 'status', dir: 'auto' });
  #halfDuplex = make('input', '', { type: 'checkbox', id: 'half-duplex' });
  #mode = 'off'; // 'opening', 'on'
  #user = 'silent';

  /**
   * @param {HTMLButtonElement} button
   * @param {import('../capture/microphone.mjs').Microphone} microphone passes its sound to `hear`
   * @param {(message: object, data?: ArrayBufferView) => Promise<string>} send see `ServerLink.send`
   * @param {object} on
   * @param {() => boolean} on.isRecording whether the talk button has the microphone
   * @param {() => boolean} on.isSounding whether the persona can be heard
   * @param {() => boolean} on.hasFloor whether it speaks, or is about to
   * @param {(ducked: boolean) => void} on.duck see `BargeIn`
   * @param {() => void} on.stop the user has interrupted the persona
   * @param {(name: string) => void} on.act see `ListenerFace`
   * @param {(text: string) => void} on.words what the user has said so far
   * @param {(turn: string, text: string | null) => void} on.answered the user has finished, and Python has begun the turn that answers
   * @param {() => void} on.nothing what was heard wants no answer
   * @param {(sentence: string) => void} on.remark something that the user should know
   * @param {(level: number | null) => void} on.level loudness, 0…1; null while the microphone is not open for this
   * @param {() => void} on.changed what the user does has changed
   */
  constructor(button, microphone, send, on) {
    this.#button = button;
    this.#microphone = microphone;
    this.#on = on;
    this.#sender = new FrameSender(send, {
      onLost: () => on.remark(LOST),
      onAnew: () => this.#forget(),
      onProblem: (sentence) => this.switchOff(sentence),
    });
    this.#barge = new BargeIn({ duck: on.duck, stop: on.stop, falseAlarm: () => this.#level.beWary() });
    this.#face = new ListenerFace(on.act);
    this.#build();
    document.addEventListener('visibilitychange', () => document.hidden && this.switchOff(HIDDEN));
    this.#show('off');
  }

  /** Whether it is on, or about to be. */
  get isOn() {
    return this.#mode !== 'off';
  }

  /** Whether the user speaks, or pauses. */
  get isUserSpeaking() {
    return this.#user !== 'silent';
  }

  /** Goes on as it was left in this browser, where the microphone may be opened without a question. */
  async restore() {
    if (!choicesOf(remembered(KEPT_AS)).on || document.hidden) return;
    const permission = await navigator.permissions?.query({ name: 'microphone' }).catch(() => null);
    if (permission?.state === 'granted') await this.switchOn();
  }

  async switchOn() {
    if (this.#mode !== 'off') return;
    this.#show('opening');
    try {
      await this.#microphone.open();
    } catch {
      if (this.#mode === 'opening') this.#show('off'); // the microphone has said why
      return;
    }
    if (this.#mode !== 'opening') return; // switched off meanwhile
    this.#microphone.keep(true);
    this.#level = new LevelDetector();
    this.#sender.begin(this.#microphone.sampleRate);
    this.#show('on');
  }

  /** @param {string} [sentence] why, where it was not the user */
  switchOff(sentence) {
    if (this.#mode === 'off') return;
    this.#sender.end();
    this.#microphone.keep(false);
    this.#forget();
    this.#note.textContent = '';
    this.#on.level(null);
    this.#show('off');
    if (sentence) this.#on.remark(sentence);
  }

  /** Python forgets what was begun, or has let go of all of it. */
  restart() {
    if (this.#sender.id !== null) this.#sender.begin(this.#microphone.sampleRate);
  }

  /** The next sound of the open microphone. @param {Float32Array} samples  @param {number} rms */
  hear(samples, rms) {
    if (this.#mode !== 'on') return;
    if (this.#on.isRecording()) {
      if (this.#sender.id !== null) this.#pause();
      return;
    }
    if (this.#sender.id === null) this.#sender.begin(this.#microphone.sampleRate);
    const ms = (samples.length / this.#microphone.sampleRate) * 1000;
    const sounding = this.#on.isSounding();
    const deaf = sounding && this.#halfDuplex.checked;
    const begun = this.#level.push(deaf ? 0 : rms, ms);
    if (begun && sounding) this.#barge.suspect();
    this.#face.hear(this.#level, ms, this.isUserSpeaking && !sounding);
    this.#on.level(deaf ? 0 : levelOf(rms));
    this.#sender.push(deaf ? new Float32Array(samples.length) : samples, this.#on.hasFloor());
  }

  /** The system has muted the microphone, or gives it back. @param {boolean} muted */
  mute(muted) {
    if (this.#mode === 'on') this.#say(this.#user, muted ? 'muted' : this.#user);
  }

  /** What Python says of an open microphone. */
  receive(event) {
    if (event.listening !== this.#sender.id) return; // of one that is closed
    if (event.type === 'barge') this.#barge.receive(event.action);
    else if (event.type === 'user') this.#follow(event);
    else if (event.ended) this.switchOff(event.notice);
    else this.#note.textContent = event.notice;
  }

  #follow({ state, turn, text }) {
    if (text) this.#face.read(text);
    if (state === 'ended') {
      this.#barge.reset();
      this.#on.answered(turn, text);
    } else if (state === 'dropped') {
      this.#on.nothing();
    } else if (text) {
      this.#on.words(text);
    }
    this.#say(state === 'speaking' || state === 'pausing' ? state : 'silent');
  }

  /** The talk button has the microphone: Python forgets what was begun. */
  #pause() {
    this.#sender.end();
    this.#forget();
    this.#say('silent', 'paused');
  }

  #forget() {
    this.#barge.reset();
    this.#on.nothing();
    this.#say('silent');
  }

  #say(user, shown = user) {
    const changes = this.#user !== user;
    this.#user = user;
    this.#mine.dataset.state = shown;
    this.#mine.textContent = MINE[this.#mode === 'opening' ? 'opening' : shown];
    if (changes) this.#on.changed();
  }

  #show(mode) {
    this.#mode = mode;
    this.#button.setAttribute('aria-checked', String(this.isOn));
    this.#row.hidden = !this.isOn;
    this.#say(this.#user);
    this.#on.changed();
  }

  #build() {
    this.#button.setAttribute('role', 'switch');
    this.#button.title = 'Speak without holding the button';
    this.#button.addEventListener('click', () => {
      if (this.isOn) this.switchOff();
      else this.switchOn();
      this.#remember();
    });
    const label = make('label', '', { title: 'For loudspeakers whose sound comes back into the microphone' });
    label.append(this.#halfDuplex, ' Do not listen while they speak');
    this.#halfDuplex.checked = choicesOf(remembered(KEPT_AS)).halfDuplex;
    this.#halfDuplex.addEventListener('change', () => this.#remember());
    this.#row.append(this.#mine, label, this.#note);
    this.#button.parentElement.after(this.#row);
  }

  #remember() {
    remember(KEPT_AS, JSON.stringify({ on: this.isOn, halfDuplex: this.#halfDuplex.checked }));
  }
}
