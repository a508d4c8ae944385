// Benchmark of the avatars, in the page: how long one takes to stand there, and how often it is drawn in a second.

import { restWeights } from '/stage/lipsync/viseme-curves.mjs';
import { TalkingHeadAvatar } from '/stage/avatar/talkinghead-avatar.mjs';

const SETTLE_MS = 1500;
const SHAPES = ['aa', 'O', 'I', 'PP', 'U', 'E'];
const SHAPE_MS = 120;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let frames = 0;
let speaking = false;

/** A mouth that never rests while it is counted, as in speech. */
function mouth() {
  frames++;
  const weights = restWeights();
  if (speaking) {
    const now = performance.now() / SHAPE_MS;
    const share = now % 1;
    weights[SHAPES[Math.floor(now) % SHAPES.length]] += 0.6 * (1 - share);
    weights[SHAPES[Math.floor(now + 1) % SHAPES.length]] += 0.6 * share;
  }
  return weights;
}

const voice = new GainNode(new AudioContext());
const onFailure = (error) => (window.failure = error.message);
const figure = new TalkingHeadAvatar(document.getElementById('figure'), { mouth, voice, onFailure });
const show = (avatar) => figure.show({ id: avatar, name: avatar, avatar, mood: 'neutral', colour: '#888888', liveliness: 1 });

window.benchmark = {
  /** How long it takes until each avatar stands on the stage, in ms: `times` rows, one number per avatar. */
  async load({ avatars, times }) {
    await show(avatars.at(-1)); // modules, shaders and the like come with the first, whoever it is
    const rows = [];
    for (let i = 0; i < times; i++) {
      const row = [];
      for (const avatar of avatars) {
        const begun = performance.now();
        await show(avatar);
        row.push(performance.now() - begun);
      }
      rows.push(row);
    }
    return rows;
  },

  /** Frames per second while the avatar speaks. */
  async fps({ avatar, ms }) {
    await show(avatar);
    figure.setState('speaking');
    speaking = true;
    await sleep(SETTLE_MS);
    frames = 0;
    const begun = performance.now();
    await sleep(ms);
    return (frames * 1000) / (performance.now() - begun);
  },
};
