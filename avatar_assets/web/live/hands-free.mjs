// Hands-free: the switch beside the talk button, and what an open microphone means for the page: frames up, what Python decides down.
import { FrameSender } from './frame-sender.mjs';
import { LevelDetector } from './level-detector.mjs';
import { rmsOf } from '../capture/microphone.mjs';
import { BargeIn } from './barge-in.mjs';
import { openEchoCanceller } from './echo-canceller.mjs';
import { make } from '../page/dom.mjs';
import { ListenerFace } from './listener-face.mjs';
import { remember, remembered } from '../page/remembered.mjs';

const KEPT_AS = 'visavis.hands-free';
/** So long a loudspeaker may still sound behind the last sample, in ms. */
const TAIL_MS = 300;
/** Silence that ends whatever the user has begun, in samples; and how long Python may take to understand it, in ms. */
const ENDING = 3 * 16_000;
const UNDERSTANDING_MS = 8_000;
/** Loudness is measured in pieces of so many ms. */
const LOOK_MS = 10;
/** While the persona speaks, only what was loud within so many ms is passed on: the rest is what the canceller leaves of their echo. */
const LINGER_MS = 200;
const NO_CANCELLER =
  'The echo cancellation of this page could not be loaded. Use headphones, or switch on “Do not listen while they speak”.';
const LOST = 'The connection stood still for too long: what you said in the last seconds is lost. Hands-free goes on as soon as it can.';
const NO_CANCELLATION = 'This microphone hears the loudspeakers too: while they speak, it is not listened to. Untick the box to be heard all the same.';

/** What was kept, as far as it makes sense; `halfDuplex` is null where the user has not chosen. @param {string | null} kept JSON */
export function choicesOf(kept) {
  let found = {};
  try {
    found = JSON.parse(kept ?? '{}') ?? {};
  } catch {
    // Somebody else wrote there: begin anew.
  }
  return { on: found.on === true, halfDuplex: typeof found.halfDuplex === 'boolean' ? found.halfDuplex : null };
}

export class HandsFree {
  #button;
  #microphone;
  #on;
  #sender;
  #level = new LevelDetector();
  #barge;
  #opening = null; // of the canceller
  #canceller = null;
  #face;
  #row = make('div', 'hands-free-row');
  #mine = make('span', 'mine-state');
  #note = make('span', 'hands-free-note', { role: 'status', dir: 'auto' });
  #halfDuplex = make('input', '', { type: 'checkbox', id: 'half-duplex' });
  #choices = choicesOf(remembered(KEPT_AS));
  #silentMs = Infinity; // since the persona was heard
  #finishing = 0; // timer

  /**
   * @param {HTMLButtonElement} button
   * @param {import('../capture/microphone.mjs').Microphone} microphone passes its sound to `hear`
   * @param {(message: object, data?: ArrayBufferView) => Promise<string>} send see `ServerLink.send`
   * @param {object} on
   * @param {() => void} on.switched the user wants it on, or off
   * @param {(doing: 'silent' | 'speaking' | 'pausing') => void} on.user what the user does, as Python hears it
   * @param {(sentence: string) => void} on.fault Python does not listen any more
   * @param {() => boolean} on.isSounding whether the persona can be heard
   * @param {() => boolean} on.hasFloor whether it speaks, or is about to
   * @param {(how: 'full' | 'low' | 'silent') => void} on.voice see `BargeIn`
   * @param {(on: boolean) => void} on.tap from now on what the persona says is passed to `played`, or no longer
   * @param {() => void} on.stop the user has interrupted the persona
   * @param {(name: string) => void} on.act see `ListenerFace`
   * @param {(text: string) => void} on.words what the user has said so far
   * @param {(turn: string, text: string | null) => void} on.answered the user has finished, and Python has begun the turn that answers
   * @param {() => void} on.nothing what was heard wants no answer
   * @param {(sentence: string) => void} on.remark something that the user should know
   */
  constructor(button, microphone, send, on) {
    this.#button = button;
    this.#microphone = microphone;
    this.#on = on;
    this.#sender = new FrameSender(send, {
      onLost: () => on.remark(LOST),
      onAnew: () => this.#forget(),
      onProblem: (sentence) => on.fault(sentence),
    });
    this.#barge = new BargeIn({ voice: on.voice, stop: on.stop, falseAlarm: () => this.#level.beWary() });
    this.#face = new ListenerFace(on.act);
    this.#build();
  }

  /** Whether it was left switched on in this browser. */
  get wasOn() {
    return this.#choices.on;
  }

  /** The microphone is listened to; what was begun before is forgotten, unless it is just being understood. */
  begin() {
    const goesOn = this.#finishing !== 0;
    this.#finished();
    if (goesOn) return;
    this.#level = new LevelDetector();
    this.#suggest();
    this.#sender.begin();
    this.#listenToOurselves();
  }

  /** Nobody listens any more. */
  end() {
    this.#finished();
    this.#sender.end();
    this.#on.tap(false);
    this.#forget();
    this.#note.textContent = '';
  }

  /** Nobody listens any more, but what the user had begun to say is understood as it is. */
  finish() {
    this.#sender.push(new Float32Array(ENDING), false);
    this.#finishing = setTimeout(() => this.#on.user('silent'), UNDERSTANDING_MS);
  }

  /**
   * The next sound of the microphone.
   *
   * @param {Float32Array} samples at 16 000 Hz
   * @param {boolean} speaking whether the user has the floor
   * @returns {boolean} whether it was not listened to
   */
  hear(samples, speaking) {
    const ms = (samples.length / this.#microphone.sampleRate) * 1000;
    const sounding = this.#on.isSounding();
    this.#silentMs = sounding ? 0 : this.#silentMs + ms;
    const deaf = this.#halfDuplex.checked && this.#silentMs < TAIL_MS;
    const rest = this.#canceller?.clean(samples) ?? samples;
    const silence = new Float32Array(rest.length);
    this.#measure(deaf ? silence : rest, sounding);
    const isEcho = this.#canceller && sounding && this.#barge.voice !== 'silent' && this.#level.silentMs > LINGER_MS;
    this.#face.hear(this.#level, ms, speaking && !sounding);
    this.#sender.push(deaf || isEcho ? silence : rest, this.#on.hasFloor());
    return deaf;
  }

  /** The next sound that leaves for the loudspeaker. @param {Float32Array} samples  @param {number} sampleRate Hz */
  played(samples, sampleRate) {
    this.#canceller?.played(samples, sampleRate);
  }

  /** What Python says of an open microphone. */
  receive(event) {
    if (event.listening !== this.#sender.id) return; // of one that is closed
    if (event.action === 'duck') this.#level.trust();
    if (event.type === 'barge') this.#barge.receive(event.action);
    else if (event.type === 'user') this.#follow(event);
    else if (event.ended) this.#on.fault(event.notice);
    else this.#note.textContent = event.notice;
  }

  /** @param {object} view see `viewOf`  @param {string} elapsed how long the user has been speaking */
  show({ switched, mine, mineWords }, elapsed) {
    this.#button.setAttribute('aria-checked', String(switched));
    this.#row.hidden = !switched;
    this.#mine.dataset.state = mine;
    this.#mine.textContent = elapsed && (mine === 'speaking' || mine === 'pausing') ? `${mineWords} ${elapsed}` : mineWords;
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
    this.#on.user(state === 'speaking' || state === 'pausing' ? state : 'silent');
  }

  /** Listens for somebody who speaks over the persona. */
  #measure(samples, sounding) {
    const looks = Math.round((samples.length * 1000) / (this.#microphone.sampleRate * LOOK_MS));
    for (let look = 0; look < looks; look++) {
      const piece = samples.subarray((samples.length * look) / looks, (samples.length * (look + 1)) / looks);
      const begun = this.#level.push(rmsOf(piece), LOOK_MS, sounding);
      if (!sounding || this.#canceller?.knowsTheRoom === false) continue;
      if (begun) this.#barge.suspect();
      else if (this.#level.silentMs === 0) this.#barge.hearLoud(LOOK_MS);
    }
  }

  /** What the persona says is taken out of what the microphone hears, as soon as that can be done. */
  #listenToOurselves() {
    this.#on.tap(true);
    this.#opening ??= openEchoCanceller().then(
      (canceller) => (this.#canceller = canceller),
      () => this.#on.remark(NO_CANCELLER),
    );
  }

  #forget() {
    this.#barge.reset();
    this.#on.nothing();
    this.#on.user('silent');
  }

  #finished() {
    clearTimeout(this.#finishing);
    this.#finishing = 0;
  }

  /** A device without echo cancellation is not listened to while the persona speaks, unless the user wants it. */
  #suggest() {
    if (this.#choices.halfDuplex !== null) return;
    const needed = this.#microphone.cancelsEcho === false;
    if (needed && !this.#halfDuplex.checked) this.#on.remark(NO_CANCELLATION);
    this.#halfDuplex.checked = needed;
  }

  #build() {
    this.#button.setAttribute('role', 'switch');
    this.#button.title = 'Speak without holding the button';
    this.#button.addEventListener('click', () => {
      this.#on.switched();
      this.#choose({ on: this.#button.getAttribute('aria-checked') === 'true' });
    });
    const label = make('label', '', { title: 'For loudspeakers whose sound comes back into the microphone' });
    label.append(this.#halfDuplex, ' Do not listen while they speak');
    this.#halfDuplex.checked = this.#choices.halfDuplex ?? false;
    this.#halfDuplex.addEventListener('change', () => this.#choose({ halfDuplex: this.#halfDuplex.checked }));
    this.#row.append(this.#mine, label, this.#note);
    this.#button.parentElement.after(this.#row);
  }

  #choose(choice) {
    Object.assign(this.#choices, choice);
    remember(KEPT_AS, JSON.stringify(this.#choices));
  }
}
