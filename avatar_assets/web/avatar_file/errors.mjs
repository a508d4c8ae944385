// Validation errors: why an avatar file cannot be used, and how text from a file is displayed.

const DISPLAYED_CHARACTERS = 40;

/** Why a file cannot be used: a code of the spec's findings, and the values that its sentence needs. */
export class ValidationError extends Error {
  constructor(code, values = {}) {
    super(code);
    Object.assign(this, { code, values });
  }
}

/** Text from a file as it may be displayed: short, without control characters. */
export function displayText(name) {
  const plain = [...String(name).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�')];
  return plain.length > DISPLAYED_CHARACTERS ? `${plain.slice(0, DISPLAYED_CHARACTERS - 1).join('')}…` : plain.join('');
}

/** Bytes in MB with one decimal, rounded down. */
export const formatMegabytes = (bytes) => (Math.floor(bytes / 1e5) / 10).toFixed(1);

/** Refuses the file. @throws {ValidationError} */
export const fail = (code, values) => {
  throw new ValidationError(code, values);
};
/** Refuses a file that is not sound glTF. @param {string} where the inside of a sentence  @throws {ValidationError} */
export const failDamaged = (where) => fail('damaged', { where });

/** Whether a value is an index into a list. */
export const isIndex = (value, list) => Number.isInteger(value) && value >= 0 && value < list.length;
/** Whether a value is a JSON object. */
export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
