// DOM helpers: makes elements whose text is never read as markup, and waits for those that Gradio makes.

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

/** Has a panel closed by a press anywhere else, on the stage too, and by Esc, which gives its heading the focus back. @param {HTMLDetailsElement} panel */
export function closeByLeaving(panel) {
  const close = () => (panel.open = false);
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return;
    if (panel.open && panel.contains(document.activeElement)) panel.querySelector('summary').focus();
    close();
  });
  document.addEventListener('pointerdown', ({ target }) => panel.contains(target) || close());
  window.addEventListener('blur', () => document.activeElement?.tagName === 'IFRAME' && close()); // a press on the stage
}

/** Waits until Gradio has drawn the elements with these ids. @param {string[]} ids  @returns {Promise<Record<string, HTMLElement>>} */
export async function present(ids) {
  for (;;) {
    const found = Object.fromEntries(ids.map((id) => [id, document.getElementById(id)]));
    if (Object.values(found).every(Boolean)) return found;
    await new Promise(requestAnimationFrame);
  }
}
