// Remembered: what this browser keeps of the user's choices, where it may. Storage can be forbidden: private windows, a page inside another.

/** @param {string} name  @returns {string | null} what was kept; null where nothing was, or nothing may be */
export function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string} name  @param {string} value  @returns {boolean} whether it is kept */
export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
    return true;
  } catch {
    return false;
  }
}
