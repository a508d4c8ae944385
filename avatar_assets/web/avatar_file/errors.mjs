// Refusal: why a file cannot be used, and how what comes from a file is shown.

const SHOWN_CHARACTERS = 40;

/** Why a file cannot be used: a code of the contract's findings, and what its sentence needs. */
export class Refusal extends Error {
  constructor(code, values = {}) {
    super(code);
    Object.assign(this, { code, values });
  }
}

/** A name from a file as it may be shown: short, without control characters. */
export function shown(name) {
  const plain = [...String(name).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�')];
  return plain.length > SHOWN_CHARACTERS ? `${plain.slice(0, SHOWN_CHARACTERS - 1).join('')}…` : plain.join('');
}

/** Bytes in MB with one decimal, rounded down. */
export const megabytes = (bytes) => (Math.floor(bytes / 1e5) / 10).toFixed(1);

/** @throws {Refusal} */
export const refuse = (code, values) => {
  throw new Refusal(code, values);
};
/** @param {string} where the inside of a sentence  @throws {Refusal} */
export const damaged = (where) => refuse('damaged', { where });
export const isIndex = (value, list) => Number.isInteger(value) && value >= 0 && value < list.length;
export const isEntry = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
