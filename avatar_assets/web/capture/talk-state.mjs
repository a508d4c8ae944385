// Talk state: what the button, the hands-free switch, the microphone and the status do, as one state machine. Pure: a state and an event make a state.

/**
 * @typedef {object} TalkState
 * @property {'rest' | 'opening' | 'released' | 'held' | 'tapped'} button `released`: let go while the microphone was being opened
 * @property {'off' | 'opening' | 'on' | 'waiting'} hands `waiting`: switched on, and goes on by itself once the page is seen or a device is there
 * @property {'silent' | 'speaking' | 'pausing'} user what Python makes of the open microphone
 * @property {boolean} finishing whether what the user had begun is still being understood though nobody listens any more
 * @property {'idle' | 'thinking' | 'speaking'} persona
 * @property {boolean} loading
 * @property {boolean} hidden whether the page is
 * @property {boolean} muted whether the system, or a call, has the microphone
 * @property {string} trouble what is wrong, in a sentence
 * @property {string} hint what the status says instead of its own words
 */

/** @type {TalkState} */
export const BEGINNING = {
  button: 'rest',
  hands: 'off',
  user: 'silent',
  finishing: false,
  persona: 'idle',
  loading: true,
  hidden: false,
  muted: false,
  trouble: '',
  hint: '',
};

export const SENTENCES = {
  unplugged: 'The microphone was unplugged or taken away. What it had recorded until then was sent.',
  unpluggedHands: 'The microphone was unplugged or taken away. Hands-free goes on as soon as there is one again.',
  full: (ms) => `A recording can last ${Math.round(ms / 1000)} seconds. What was recorded until then was sent.`,
  lost: 'That was too short; hold the button while you speak.',
  lostUnplugged: 'The microphone was unplugged or taken away. Plug it in, then try again.',
  taken: 'Another tab of this page listens now. Switch hands-free on again to speak here.',
  typed: 'The recording was dropped, for you are typing.',
};
const LABELS = { rest: 'Hold to talk', opening: 'Microphone …', released: 'Microphone …', held: 'Release to send', tapped: 'Tap to send' };
const STATUS = { loading: 'Loading …', idle: 'Ready', listening: 'Listening …', thinking: 'Thinking …', speaking: 'Speaking', failed: 'Something went wrong' };
const MUTED = 'Your microphone is muted, or a call has it';

export const isRecording = ({ button }) => button === 'held' || button === 'tapped';
/** Whether the open microphone is passed on to Python. */
export const isListening = ({ hands, button }) => hands === 'on' && button === 'rest';
/** Whether the microphone is to stay open while nobody records. */
export const isKept = ({ hands }) => hands === 'on';

/** What the button says; the status and its words; what the user does, in words; whether the switch is on. @param {TalkState} state */
export function viewOf(state) {
  const { button, hands, user, persona, loading, muted, trouble, hint } = state;
  const recording = isRecording(state);
  let status = 'idle';
  if (recording) status = 'listening';
  else if (loading) status = 'loading';
  else if (trouble) status = 'failed';
  else if (persona !== 'idle') status = persona;
  else if (user !== 'silent') status = 'listening';
  let words = STATUS[status];
  if (recording && muted) words = MUTED;
  else if (status === 'failed') words = trouble;
  else if (hint) words = hint;
  else if (status === 'idle' && hands === 'on') words = 'Ready: just speak';
  return { label: LABELS[button], mode: button, switched: hands !== 'off', status, words, ...mineOf(state) };
}

/** The user's own axis: what it is called, and in words. */
function mineOf({ button, hands, user, hidden, muted }) {
  if (hands === 'opening') return { mine: 'opening', mineWords: 'Microphone …' };
  if (hands === 'waiting') return { mine: 'waiting', mineWords: hidden ? 'Not listening: the page is hidden' : 'Not listening: no microphone' };
  if (button !== 'rest') return { mine: 'paused', mineWords: 'You: by the button' };
  if (muted) return { mine: 'muted', mineWords: MUTED };
  return { mine: user, mineWords: `You: ${user}` };
}

const EVENTS = {
  // ---- the button
  press: (s) => {
    if (s.button === 'tapped') return [{ button: 'rest' }, { take: SENTENCES.lost }];
    if (s.button !== 'rest' || s.hidden) return [{}];
    return [{ button: 'opening', trouble: '', hint: '', ...SILENT }, { open: true, pressed: true }];
  },
  release: (s, { tap }) => {
    if (s.button === 'opening') return [{ button: 'released' }]; // the permission dialog took the press away
    if (s.button !== 'held') return [{}];
    return tap ? [{ button: 'tapped' }] : [{ button: 'rest' }, { take: SENTENCES.lost }];
  },
  cancel: (s) => [{ button: 'rest', trouble: '', hint: '' }, isRecording(s) ? { drop: true } : {}],
  typed: (s) => (s.button === 'rest' ? [] : [{ button: 'rest', hint: SENTENCES.typed, trouble: '' }, isRecording(s) ? { drop: true } : {}]),
  full: (s, { ms }) => (isRecording(s) ? [{ button: 'rest' }, { take: SENTENCES.lost, note: SENTENCES.full(ms) }] : [{}]),

  // ---- the microphone
  opened: (s) => {
    const button = { opening: 'held', released: 'tapped' }[s.button] ?? s.button;
    return [{ button, hands: s.hands === 'opening' ? 'on' : s.hands }, button === s.button ? {} : { recording: true }];
  },
  refused: (s, { sentence }) => {
    const pressed = s.button === 'opening' || s.button === 'released';
    if (!pressed && s.hands !== 'opening') return [{}];
    return [{ button: pressed ? 'rest' : s.button, hands: s.hands === 'opening' ? 'off' : s.hands, trouble: sentence }];
  },
  gone: (s) => {
    const changes = { button: 'rest', muted: false };
    const order = {};
    if (isRecording(s)) Object.assign(order, { take: SENTENCES.lostUnplugged, note: SENTENCES.unplugged });
    else if (s.button !== 'rest') changes.trouble = SENTENCES.lostUnplugged;
    if (s.hands === 'on' || s.hands === 'opening') Object.assign(changes, { hands: 'waiting', trouble: SENTENCES.unpluggedHands }, finished(s));
    return [changes, order];
  },
  back: (s) => (s.hands === 'waiting' && !s.hidden ? [{ hands: 'opening', trouble: '' }, { open: true }] : [{}]),
  muted: (s, { on }) => [{ muted: on }],

  // ---- the switch
  switch: (s) => {
    if (s.hands === 'off') return [{ hands: s.hidden ? 'waiting' : 'opening', trouble: '', hint: '', ...SILENT }, s.hidden ? {} : { open: true }];
    return [{ hands: 'off', ...SILENT }];
  },
  taken: (s) => (s.hands === 'on' || s.hands === 'opening' ? [{ hands: 'off', hint: SENTENCES.taken, trouble: '', ...finished(s) }] : [{}]),
  fault: (s, { sentence }) => (s.hands === 'off' ? [SILENT] : [{ hands: 'off', trouble: sentence, ...SILENT }]),

  // ---- the page
  hidden: (s) => {
    const changes = { hidden: true };
    if (s.hands === 'on' || s.hands === 'opening') Object.assign(changes, { hands: 'waiting' }, finished(s));
    if (s.button === 'opening') return [{ ...changes, button: 'released' }];
    return s.button === 'held' ? [{ ...changes, button: 'rest' }, { take: SENTENCES.lost }] : [changes];
  },
  shown: (s) => [{ hidden: false, ...(s.hands === 'waiting' ? { hands: 'opening' } : {}) }, s.hands === 'waiting' ? { open: true } : {}],
  loaded: () => [{ loading: false }],
  trouble: (s, { sentence }) => [{ trouble: sentence }],
  mended: () => [{ trouble: '' }],
  hint: (s, { words }) => [{ hint: words, trouble: '' }],

  // ---- Python
  user: (s, { doing }) => {
    if (!isListening(s) && !s.finishing) return [{}];
    return [doing === 'silent' ? SILENT : { user: doing, trouble: '', hint: '' }];
  },
  persona: (s, { doing }) => {
    const anew = doing === 'thinking' || (doing === 'speaking' && s.persona === 'idle');
    return [{ persona: doing, hint: doing === s.persona ? s.hint : '', trouble: anew ? '' : s.trouble }];
  },
};
/** Names of all events. */
export const TALK_EVENTS = Object.keys(EVENTS);

const SILENT = { user: 'silent', finishing: false };

/** Nobody listens any more; what the user has begun is understood to its end. */
function finished({ user, button }) {
  return user === 'silent' || button !== 'rest' ? {} : { finishing: true };
}

/**
 * The state after an event, and what is to be done now: `open` the microphone; `pressed`, or a recording has begun (`recording`);
 * `take` a recording and hand it over, with a `note` (`take` is the sentence where it holds too little), or `drop` it.
 *
 * @param {TalkState} state
 * @param {{type: string}} event one of `TALK_EVENTS`
 * @returns {{state: TalkState, order: {open?: boolean, pressed?: boolean, recording?: boolean, take?: string, note?: string, drop?: boolean}}}
 */
export function step(state, event) {
  const [changes, order = {}] = EVENTS[event.type](state, event);
  return { state: { ...state, ...changes }, order };
}
