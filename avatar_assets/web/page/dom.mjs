// DOM helper: makes elements whose text is never read as markup.

/**
 * An element with a class, attributes and text.
 *
 * @param {string} tag
 * @param {string} [className]
 * @param {Record<string, unknown>} [attributes] each value is written as a string
 * @param {string} [text]
 */
export function make(tag, className = '', attributes = {}, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}
