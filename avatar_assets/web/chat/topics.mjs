// Topics: what one could ask whoever is on the stage, as buttons, until something was said.
import { make } from '../page/dom.mjs';

/**
 * Offers topics in place of those before.
 *
 * @param {HTMLElement} line whose first child, a text, introduces them
 * @param {string[]} topics none hide the line
 * @param {string} language BCP 47 tag of the topics
 * @param {(text: string) => void} say
 */
export function offerTopics(line, topics, language, say) {
  const buttons = topics.map((topic) => make('button', 'topic', { type: 'button', lang: language }, topic));
  for (const button of buttons) button.addEventListener('click', () => say(`${button.textContent}?`));
  line.replaceChildren(line.firstChild, ...buttons);
  line.hidden = !topics.length;
}
