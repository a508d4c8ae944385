// Packing: which parts of a file are packed, whether they are soundly described, and how much they will be; unpack.mjs unpacks them.
// Formats: Khronos, KHR_draco_mesh_compression, KHR_texture_basisu, EXT_meshopt_compression, KTX 2.0. The same steps as checking/packing.py.

import { CONTRACT } from './spec.mjs';
import { damaged, isEntry, isIndex, megabytes, refuse } from './errors.mjs';
import { WIDTHS, sizeOfKtx2 } from './validate.mjs';

export const [DRACO, MESHOPT, BASIS] = Object.keys(CONTRACT.packings);
/** How Meshopt packs rows, with the least and the most bytes of a row; all are multiples of the least. */
const { modes: MODES, filters: FILTERS } = CONTRACT.meshopt;
const fits = (stride, [least, most]) => stride >= least && stride <= most && stride % least === 0;

/** What an extension says in a part of the description; undefined if it is not there. @returns {object | undefined} */
export function said({ extensions }, name) {
  if (!isEntry(extensions) || !Object.hasOwn(extensions, name)) return undefined;
  return isEntry(extensions[name]) ? extensions[name] : {};
}

/** The primitives of all meshes that Draco packed. @returns {object[]} */
export const dracoPartsOf = ({ meshes }) => meshes.flatMap(({ primitives }) => primitives.filter((part) => said(part, DRACO) !== undefined));

/** The textures that are there as KTX2 only. @returns {object[]} */
export const basisTexturesOf = ({ textures }) => textures.filter((texture) => said(texture, BASIS) !== undefined && texture.source === undefined);

/**
 * How a file is packed; one that says so without being it counts too, for it cannot be loaded as it is.
 *
 * @param {object} json a sound description
 * @returns {string[]} names of extensions
 */
export function packingsOf(json) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const named = [...list(json.extensionsUsed), ...list(json.extensionsRequired)];
  const there = {
    [DRACO]: dracoPartsOf(json).length,
    [MESHOPT]: json.bufferViews.some((view) => said(view, MESHOPT) !== undefined),
    [BASIS]: basisTexturesOf(json).length,
  };
  return Object.keys(CONTRACT.packings).filter((name) => there[name] || named.includes(name));
}

/** Whether a buffer only keeps room for what Meshopt packed. */
export const isRoom = (buffer) => buffer.uri === undefined && said(buffer, MESHOPT) !== undefined;

/**
 * Goes through what is packed in a description that is sound otherwise.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @throws {import('./errors.mjs').Refusal} when it does not hold, or becomes too much
 */
export function checkPacking({ json, bin }) {
  let bytes = 0;
  for (const [index, view] of json.bufferViews.entries()) if (said(view, MESHOPT) !== undefined) bytes += meshoptBytes(view, index);
  for (const part of dracoPartsOf(json)) bytes += dracoBytes(json, part);
  checkSize(bytes);
  for (const texture of basisTexturesOf(json)) checkBasis(json, bin, texture);
}

/** @throws {import('./errors.mjs').Refusal} */
export function checkSize(bytes) {
  const { unpackedBytes: most } = CONTRACT.limits;
  if (bytes > most) refuse('unpacked_big', { size: megabytes(bytes), most: Math.floor(most / 1e6) });
}

function meshoptBytes(view, index) {
  const { count, byteStride, mode, filter = 'NONE' } = said(view, MESHOPT);
  const known = Object.hasOwn(MODES, mode) && Object.hasOwn(FILTERS, filter) && [count, byteStride].every(Number.isInteger) && count > 0;
  const sound = known && fits(byteStride, MODES[mode]) && fits(byteStride, FILTERS[filter]) && (filter === 'NONE' || mode === 'ATTRIBUTES');
  if (!sound || (mode === 'TRIANGLES' && count % 3 !== 0) || count * byteStride !== view.byteLength) damaged(`buffer view ${index} is not soundly packed`);
  return view.byteLength;
}

function dracoBytes(json, part) {
  const { attributes, indices, mode = 4 } = part;
  const packed = said(part, DRACO);
  const sound = isIndex(packed.bufferView, json.bufferViews) && isEntry(packed.attributes) && [4, 5].includes(mode) && indices !== undefined;
  const named = sound && Object.entries(packed.attributes).every(([name, id]) => Number.isInteger(id) && id >= 0 && Object.hasOwn(attributes, name));
  if (!named) damaged('a part is not soundly packed');
  const values = [indices, ...Object.keys(packed.attributes).map((name) => attributes[name])].map((accessor) => json.accessors[accessor]);
  return values.reduce((sum, { count, type }) => sum + 4 * count * WIDTHS[type], 0);
}

function checkBasis(json, bin, texture) {
  const { source } = said(texture, BASIS);
  const view = isIndex(source, json.images) ? json.bufferViews[json.images[source].bufferView] : undefined;
  if (!view) damaged('a packed texture has no picture');
  if (!flatKtx2(bin.subarray(view.byteOffset, view.byteOffset + view.byteLength))) damaged(`picture ${source} is no KTX2 of one picture`);
}

/** Whether data begins like KTX2 with one picture in one of Basis Universal's codings. */
function flatKtx2(data) {
  if (!sizeOfKtx2(data)) return false;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const [format, depth, layers, faces] = [12, 28, 32, 36].map((at) => view.getUint32(at, true));
  return format === 0 && depth === 0 && layers <= 1 && faces === 1;
}
