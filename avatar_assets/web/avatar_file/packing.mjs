// Compressed glTF (“packed” to users): which parts are, whether that is soundly described, how large they become. unpack.mjs decodes them.
// Formats: Khronos, KHR_draco_mesh_compression, KHR_texture_basisu, EXT_meshopt_compression, KTX 2.0.

import SPEC from './spec.json' with { type: 'json' };
import { failDamaged, isObject, isIndex, formatMegabytes, fail } from './errors.mjs';
import { COMPONENT_COUNTS, ktx2Size } from './validate.mjs';

export const [DRACO, MESHOPT, BASIS] = Object.keys(SPEC.packings);
/** Meshopt's modes and filters, with the least and the most bytes of a row; all are multiples of the least. */
const { modes: MODES, filters: FILTERS } = SPEC.meshopt;
const fits = (stride, [least, most]) => stride >= least && stride <= most && stride % least === 0;

/** The object of an extension in a glTF property; undefined if it is not there. @returns {object | undefined} */
export function extensionIn({ extensions }, name) {
  if (!isObject(extensions) || !Object.hasOwn(extensions, name)) return undefined;
  return isObject(extensions[name]) ? extensions[name] : {};
}

/** The primitives of all meshes that Draco compressed. @returns {object[]} */
export const dracoPrimitives = ({ meshes }) =>
  meshes.flatMap(({ primitives }) => primitives.filter((part) => extensionIn(part, DRACO) !== undefined));

/** The textures that exist as KTX2 only. @returns {object[]} */
export const basisTextures = ({ textures }) =>
  textures.filter((texture) => extensionIn(texture, BASIS) !== undefined && texture.source === undefined);

/**
 * How a file is compressed; one that only declares an extension counts too, for it cannot be loaded as it is.
 *
 * @param {object} json a sound description
 * @returns {string[]} names of extensions
 */
export function packingsOf(json) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const named = [...list(json.extensionsUsed), ...list(json.extensionsRequired)];
  const there = {
    [DRACO]: dracoPrimitives(json).length,
    [MESHOPT]: json.bufferViews.some((view) => extensionIn(view, MESHOPT) !== undefined),
    [BASIS]: basisTextures(json).length,
  };
  return Object.keys(SPEC.packings).filter((name) => there[name] || named.includes(name));
}

/** Whether a buffer holds no data, only room for what Meshopt compressed. */
export const isFallbackBuffer = (buffer) => buffer.uri === undefined && extensionIn(buffer, MESHOPT) !== undefined;

/**
 * Validates the compressed parts of a description that is sound otherwise.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @throws {import('./errors.mjs').ValidationError} when it does not hold, or becomes too much
 */
export function validatePacking({ json, bin }) {
  let bytes = 0;
  for (const [index, view] of json.bufferViews.entries()) if (extensionIn(view, MESHOPT) !== undefined) bytes += meshoptBytes(view, index);
  for (const part of dracoPrimitives(json)) bytes += dracoBytes(json, part);
  limitUnpackedSize(bytes);
  for (const texture of basisTextures(json)) validateBasis(json, bin, texture);
}

/** @throws {import('./errors.mjs').ValidationError} */
export function limitUnpackedSize(bytes) {
  const { unpackedBytes: most } = SPEC.limits;
  if (bytes > most) fail('unpacked_big', { size: formatMegabytes(bytes), most: Math.floor(most / 1e6) });
}

function meshoptBytes(view, index) {
  const { count, byteStride, mode, filter = 'NONE' } = extensionIn(view, MESHOPT);
  const known = Object.hasOwn(MODES, mode) && Object.hasOwn(FILTERS, filter) && [count, byteStride].every(Number.isInteger) && count > 0;
  const sound = known && fits(byteStride, MODES[mode]) && fits(byteStride, FILTERS[filter]) && (filter === 'NONE' || mode === 'ATTRIBUTES');
  if (!sound || (mode === 'TRIANGLES' && count % 3 !== 0) || count * byteStride !== view.byteLength)
    failDamaged(`buffer view ${index} is not soundly packed`);
  return view.byteLength;
}

function dracoBytes(json, part) {
  const { attributes, indices, mode = 4 } = part;
  const packed = extensionIn(part, DRACO);
  const sound =
    isIndex(packed.bufferView, json.bufferViews) && isObject(packed.attributes) && [4, 5].includes(mode) && indices !== undefined;
  const named =
    sound && Object.entries(packed.attributes).every(([name, id]) => Number.isInteger(id) && id >= 0 && Object.hasOwn(attributes, name));
  if (!named) failDamaged('a part is not soundly packed');
  const values = [indices, ...Object.keys(packed.attributes).map((name) => attributes[name])].map((accessor) => json.accessors[accessor]);
  return values.reduce((sum, { count, type }) => sum + 4 * count * COMPONENT_COUNTS[type], 0);
}

function validateBasis(json, bin, texture) {
  const { source } = extensionIn(texture, BASIS);
  const view = isIndex(source, json.images) ? json.bufferViews[json.images[source].bufferView] : undefined;
  if (!view) failDamaged('a packed texture has no picture');
  if (!isFlatKtx2(bin.subarray(view.byteOffset, view.byteOffset + view.byteLength)))
    failDamaged(`picture ${source} is no KTX2 of one picture`);
}

/** Whether data begins like KTX2 with one picture in one of Basis Universal's codings. */
function isFlatKtx2(data) {
  if (!ktx2Size(data)) return false;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const [format, depth, layers, faces] = [12, 28, 32, 36].map((at) => view.getUint32(at, true));
  return format === 0 && depth === 0 && layers <= 1 && faces === 1;
}
