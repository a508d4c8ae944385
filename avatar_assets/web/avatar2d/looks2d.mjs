// Looks of the drawn face: skin, hair and eyes, chosen by the avatar's name so that everybody keeps their own.

/**
 * @typedef {object} Look
 * @property {'bob' | 'short' | 'crop' | 'bun' | 'long' | 'curly'} hair
 * @property {string} hairColour
 * @property {string} skin
 * @property {string} iris
 * @property {boolean} glasses
 */

/** @type {Look[]} */
const LOOKS = [
  { hair: 'bob', hairColour: '#2b2224', skin: '#f1cba9', iris: '#4a2f22', glasses: false },
  { hair: 'short', hairColour: '#b5afa6', skin: '#f0c6a8', iris: '#4f6f86', glasses: true },
  { hair: 'bun', hairColour: '#2a1b16', skin: '#8a5636', iris: '#4a2d1b', glasses: false },
  { hair: 'crop', hairColour: '#231a16', skin: '#cb9263', iris: '#5a3a1e', glasses: false },
  { hair: 'curly', hairColour: '#8a4526', skin: '#c98f68', iris: '#3c5a3a', glasses: false },
  { hair: 'long', hairColour: '#c79a54', skin: '#f6d3b8', iris: '#3f7fa0', glasses: false },
];

/** The looks of our own avatars resemble them; any other name gets one of the looks, the same one every time. */
const OWN_LOOK = { mia: 0, leo: 1, ava: 2, nova: 3 };

/**
 * @param {string} avatar stem of an avatar's file
 * @returns {Look}
 */
export function lookOf(avatar) {
  const sum = [...avatar].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)) >>> 0, 7);
  return LOOKS[Object.hasOwn(OWN_LOOK, avatar) ? OWN_LOOK[avatar] : sum % LOOKS.length];
}
