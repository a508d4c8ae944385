// Conversation view: which replies can be heard again, and how much of their sound is kept.
import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { Conversation } from '../avatar_assets/web/chat/conversation.mjs';
import { FakeElement, fakeDocument } from './fake-dom.mjs';

const RATE = 8000;
let conversation, frames, list, replayed;

beforeEach(() => {
  globalThis.document = fakeDocument();
  globalThis.requestAnimationFrame = (draw) => frames.push(draw);
  frames = [];
  list = new FakeElement('div');
  replayed = [];
  conversation = new Conversation(list, new FakeElement('p'), { replay: (turn) => replayed.push(turn.id), film() {}, stop() {} });
});

/** A reply that was heard to its end. */
function replied(id, seconds) {
  const turn = { id, segments: [{ index: 0, wends: [], sampleRate: RATE, pcm: new ArrayBuffer(seconds * RATE * 2) }] };
  conversation.ask(turn, 'Hello?');
  conversation.write(turn, `Reply ${id}.`);
  conversation.finished(turn);
  return turn;
}
const replies = () => list.querySelectorAll('.theirs');
const past = () => replies().map((one) => one.classList.contains('past') && !one.querySelector('.actions'));

test('a reply can be heard again by its own button', () => {
  replied('a', 1);
  replied('b', 1);
  replies()[0].querySelector('.again').click();
  assert.deepEqual(replayed, ['a']);
});

test('ten minutes of sound are kept, the oldest is let go first and its buttons with it; the words stay [page.bounded]', () => {
  const turns = Array.from({ length: 12 }, (_, index) => replied(`t${index}`, 60));
  assert.deepEqual(past(), turns.map((_, index) => index < 2));
  assert.deepEqual(turns.map(({ segments }) => segments.length), turns.map((_, index) => (index < 2 ? 0 : 1)));
  assert.match(replies()[0].textContent, /Reply t0/);
});

test('the last reply is kept, however long it is', () => {
  const [first, last] = [replied('short', 5), replied('long', 601)];
  assert.deepEqual([first.segments.length, last.segments.length], [0, 1]);
  assert.deepEqual(past(), [true, false]);
});

test('a cleared conversation keeps no sound', () => {
  replied('a', 599);
  conversation.clear();
  const kept = replied('b', 599);
  assert.equal(kept.segments.length, 1);
  assert.deepEqual(past(), [false]);
});

test('the same notice is shown once, a remark each time', () => {
  for (let index = 0; index < 2; index++) {
    conversation.notice('The engine has changed.');
    conversation.remark('The microphone was unplugged.');
  }
  assert.equal(list.querySelectorAll('.notice').length, 3);
});

test('a recording that could not be used does not stay three dots for ever', () => {
  const turn = { id: 'a', segments: [] };
  conversation.ask(turn, undefined);
  assert.match(list.textContent, /…/);
  conversation.failed(turn, 'That is no sound.');
  assert.doesNotMatch(list.textContent, /…/);
  assert.match(list.textContent, /That is no sound\./);
  assert.equal(list.querySelectorAll('.pending').length, 0);
});

test('the end stays in sight, unless the user has scrolled up; a question brings it back', () => {
  Object.assign(list, { scrollHeight: 500, clientHeight: 100, scrollTop: 0 });
  const drawn = () => {
    for (const draw of frames.splice(0)) draw();
    return list.scrollTop;
  };
  const turn = { id: 'a', segments: [] };
  conversation.ask(turn, 'Hello?');
  assert.equal(drawn(), 400);
  conversation.write(turn, 'Hi.');
  conversation.finished(turn);
  assert.equal(frames.length, 1, 'one frame for all that happens before it');
  assert.equal(drawn(), 400);
  list.scrollTop = 100;
  list.dispatchEvent(new Event('scroll'));
  conversation.write(turn, ' How are you?');
  assert.equal(drawn(), 100);
  conversation.ask({ id: 'b', segments: [] }, 'Well.');
  assert.equal(drawn(), 400);
});

/** A reply of two sentences, the second of which comes in two pieces. */
function speaking() {
  const ends = [[3, 8], [12], [18, 25]];
  const turn = { id: 'a', segments: ends.map((wends, index) => ({ index, wends, sampleRate: RATE, pcm: new ArrayBuffer(2 * RATE) })) };
  conversation.ask(turn, 'Well?');
  conversation.write(turn, 'One two. Six seven eight.');
  return turn;
}
const words = () => list.querySelectorAll('.theirs')[0].querySelector('.words');
const marked = () => words().querySelector('mark')?.textContent ?? '';
const unheard = () => words().querySelector('del')?.textContent ?? '';

test('the word that is heard is marked, one after the other, and none when it is over or of a replay [page.follows]', () => {
  const turn = speaking();
  const seen = [];
  for (const [index, word] of [[0, 0], [0, 1], [1, 0], [2, 0], [2, 1], [9, 0]]) {
    conversation.hear(turn, index, word);
    seen.push(marked());
    assert.equal(words().textContent, 'One two. Six seven eight.');
  }
  assert.deepEqual(seen, ['One', 'two.', 'Six', 'seven', 'eight.', 'eight.']);
  conversation.write(turn, ' Nine.');
  assert.deepEqual([words().textContent, marked()], ['One two. Six seven eight. Nine.', 'eight.']);
  conversation.finished(turn);
  assert.deepEqual([marked(), unheard()], ['', '']);
  conversation.hear(turn, 0, 0);
  assert.equal(marked(), 'One');
});

test('what was not heard is grey, first by the marked word, then by what Python remembers [page.follows] [talk.heard]', () => {
  const turn = speaking();
  conversation.hear(turn, 1, 0);
  conversation.interrupted(turn);
  assert.deepEqual([marked(), unheard()], ['', ' seven eight.']);
  conversation.remembered('a', 'One two.');
  assert.equal(unheard(), ' Six seven eight.');
  conversation.remembered('a', 'something else');
  conversation.remembered('gone', 'One');
  assert.equal(unheard(), ' Six seven eight.');
  conversation.hear(turn, 1, 0); // a replay
  assert.deepEqual([words().textContent, marked()], ['One two. Six seven eight.', 'Six']);
  conversation.finished(turn);
  assert.equal(unheard(), ' Six seven eight.');
});

test('a reply that is longer than the view stands at its top until it is heard, then at the word; whoever reads elsewhere is left alone', () => {
  Object.assign(list, { scrollHeight: 2000, clientHeight: 100, scrollTop: 0, place: { top: 50 } });
  const drawn = () => {
    for (const draw of frames.splice(0)) draw();
    list.dispatchEvent(new Event('scroll'));
    return list.scrollTop;
  };
  drawn();
  const turn = speaking();
  list.querySelectorAll('.theirs')[0].place = { top: 150 };
  assert.equal(drawn(), 100);
  conversation.hear(turn, 0, 1);
  words().querySelector('mark').place = { top: 450 };
  assert.equal(drawn(), 450);
  list.scrollTop = 1000;
  conversation.hear(turn, 1, 0);
  words().querySelector('mark').place = { top: 400 };
  list.dispatchEvent(new Event('scroll'));
  assert.equal(drawn(), 1000);
  list.scrollTop = 1250; // near the word again
  words().querySelector('mark').place = { top: 150 };
  list.dispatchEvent(new Event('scroll'));
  conversation.finished(turn);
  assert.equal(drawn(), 1900);
});

test('the words so far become the message that is answered, or vanish [live.hands-free]', () => {
  const mine = () => list.querySelectorAll('.mine').map((one) => [one.querySelector('.words').textContent, one.classList.contains('pending')]);
  conversation.hearing('Where');
  conversation.hearing('Where is');
  assert.deepEqual(mine(), [['Where is', true]]);
  conversation.ask({ id: 'a' }, 'Where is she?');
  conversation.unheard();
  assert.deepEqual(mine(), [['Where is she?', false]]);
  conversation.hearing('Mm-hm.');
  conversation.unheard();
  assert.deepEqual(mine(), [['Where is she?', false]]);
  conversation.hearing('Gone');
  conversation.clear();
  conversation.hearing('New');
  assert.deepEqual(mine(), [['New', true]]);
});
