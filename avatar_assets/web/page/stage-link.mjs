// Stage link: messages between the page and the stage's iframe.

/** Of these only the last counts while the stage is not ready. */
const LAST_COUNTS = ['state', 'people', 'resume', 'theme'];
/** Gradio marks a dark page so, also when the system's theme changes while it is open. */
const themeOf = (body) => (body.classList.contains('dark') ? 'dark' : 'light');

/** Holds the iframe; every message sent before the stage is ready is kept and delivered in order. */
export class StageLink {
  #frame;
  #ready = false;
  #waiting = [];

  /** @param {HTMLElement} host  @param {(message: object) => void} onMessage */
  constructor(host, onMessage) {
    const query = new URLSearchParams(location.search);
    const asked = new URLSearchParams({ theme: themeOf(document.body) });
    for (const name of ['debug', 'face']) if (query.has(name)) asked.set(name, query.get(name));
    this.#frame = Object.assign(document.createElement('iframe'), {
      src: new URL(`../stage/stage.html?${asked}`, import.meta.url).href,
      title: 'The person you talk with',
      allow: 'autoplay',
      className: 'stage-page',
    });
    window.addEventListener('message', ({ origin, source, data }) => {
      if (origin !== location.origin || source !== this.#frame.contentWindow) return;
      if (data.type === 'ready') this.#deliver();
      onMessage(data);
    });
    host.append(this.#frame);
    this.#followTheme(document.body);
  }

  /** Whether the stage has been loaded. */
  get isReady() {
    return this.#ready;
  }

  /** The stage's window. */
  get window() {
    return this.#frame.contentWindow;
  }

  /** @param {object} message  @param {Transferable[]} [transfer] */
  post(message, transfer = []) {
    if (this.#ready) {
      this.window.postMessage(message, location.origin, transfer);
      return;
    }
    if (LAST_COUNTS.includes(message.type)) this.#waiting = this.#waiting.filter(([{ type }]) => type !== message.type);
    this.#waiting.push([message, transfer]);
  }

  /** Plays a segment of a turn; its sound stays here too, for a replay or a download. */
  speak(segment, turn = segment.turn) {
    const pcm = segment.pcm.slice(0);
    this.post({ ...segment, type: 'segment', turn, pcm }, [pcm]);
  }

  /** Plays the segments of a finished turn again under another turn id. */
  play(turn, id) {
    for (const segment of turn.segments) this.speak(segment, id);
    this.post({ type: 'end', turn: id });
  }

  /** Makes a film of the segments of a finished turn under another turn id. */
  film(turn, id) {
    this.post({ type: 'record', turn: id, segments: turn.segments });
  }

  /** Silence now, also of what waits for the stage. The stage answers with `heard`: how far the voice was heard. */
  silence() {
    if (this.#ready) this.post({ type: 'stop' });
    else this.#waiting = this.#waiting.filter(([{ type }]) => type !== 'segment' && type !== 'end');
  }

  #followTheme(body) {
    let told = themeOf(body);
    const tell = () => told !== themeOf(body) && this.post({ type: 'theme', theme: (told = themeOf(body)) });
    new MutationObserver(tell).observe(body, { attributes: true, attributeFilter: ['class'] });
  }

  #deliver() {
    this.#ready = true;
    for (const [message, transfer] of this.#waiting.splice(0)) this.post(message, transfer);
  }
}
