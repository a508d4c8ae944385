// glTF validation: whether a description holds together: accessors, buffer views, meshes, nodes, skins, images.
// Format: Khronos, glTF 2.0 specification.

import SPEC from './spec.json' with { type: 'json' };
import { failDamaged, isObject, isIndex, fail } from './errors.mjs';

const { limits: LIMITS } = SPEC;
/** glTF's component types. */
export const TYPED_ARRAYS = {
  5120: Int8Array,
  5121: Uint8Array,
  5122: Int16Array,
  5123: Uint16Array,
  5125: Uint32Array,
  5126: Float32Array,
};
export const FLOAT = 5126;
const KTX2 = [0xab, 0x4b, 0x54, 0x58, 0x20, 0x32, 0x30, 0xbb, 0x0d, 0x0a, 0x1a, 0x0a];
const KTX2_HEAD = 48;
/** Components per element. */
export const COMPONENT_COUNTS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 };

/**
 * Validates a description whose groups are lists of objects and whose buffer views lie in `bin`.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @throws {import('./errors.mjs').ValidationError} when something in it does not hold
 */
export function validateStructure(file) {
  const { json } = file;
  validateBufferViews(file);
  json.accessors.forEach((accessor, index) => validateAccessor(file, accessor, index));
  const all = json.accessors.reduce((sum, { count }) => sum + count, 0);
  if (all > LIMITS.allCounts) fail('too_many', { count: all, what: 'values in its lists', most: LIMITS.allCounts });
  validateMeshes(json);
  validateNodes(json);
  validateSkins(json);
  validateImages(file);
}

function validateBufferViews({ json }) {
  for (const [index, { byteStride }] of json.bufferViews.entries())
    if (byteStride !== undefined && !(Number.isInteger(byteStride) && byteStride >= 4 && byteStride <= 252))
      failDamaged(`buffer view ${index} has no sound stride`);
}

function validateAccessor({ json }, accessor, index) {
  const { count, sparse } = accessor;
  const width = COMPONENT_COUNTS[accessor.type] * TYPED_ARRAYS[accessor.componentType]?.BYTES_PER_ELEMENT;
  if (!Object.hasOwn(COMPONENT_COUNTS, accessor.type) || !width || !Number.isInteger(count) || count < 1)
    failDamaged(`accessor ${index} has no sound kind`);
  if (count > LIMITS.accessorCount) fail('too_many', { count, what: 'values in one list', most: LIMITS.accessorCount });
  const room = (place, size, rows, what) => {
    const { byteOffset = 0 } = place;
    if (!isIndex(place.bufferView, json.bufferViews) || !Number.isInteger(byteOffset) || byteOffset < 0)
      failDamaged(`${what} has no place`);
    const view = json.bufferViews[place.bufferView];
    if (byteOffset + (rows - 1) * (view.byteStride ?? size) + size > view.byteLength) failDamaged(`${what} lies outside the file`);
  };
  if (accessor.bufferView !== undefined) room(accessor, width, count, `accessor ${index}`);
  if (sparse === undefined) return;
  const { indices, values } = isObject(sparse) ? sparse : {};
  const numbered = isObject(indices) && isObject(values) && [5121, 5123, 5125].includes(indices.componentType);
  if (!numbered || !Number.isInteger(sparse.count) || sparse.count < 1 || sparse.count > count)
    failDamaged(`accessor ${index} has no sound kind`);
  room(indices, TYPED_ARRAYS[indices.componentType].BYTES_PER_ELEMENT, sparse.count, `accessor ${index}`);
  room(values, width, sparse.count, `accessor ${index}`);
}

function validateMeshes(json) {
  let moved = 0;
  for (const [index, { primitives }] of json.meshes.entries()) {
    if (!Array.isArray(primitives) || !primitives.length || !primitives.every((part) => isObject(part) && isObject(part.attributes)))
      failDamaged(`mesh ${index} has no parts`);
    const [{ targets: first = [] }] = primitives;
    for (const { attributes, indices, targets = [] } of primitives) {
      if (!Array.isArray(targets) || !targets.every(isObject)) failDamaged(`mesh ${index} has no sound morph targets`);
      const used = [
        ...Object.values(attributes),
        ...targets.flatMap((target) => Object.values(target)),
        ...(indices === undefined ? [] : [indices]),
      ];
      if (!used.every((accessor) => isIndex(accessor, json.accessors)) || attributes.POSITION === undefined)
        failDamaged(`mesh ${index} points nowhere`);
      const { count } = json.accessors[attributes.POSITION];
      const fit =
        targets.length === first.length &&
        targets.every((target) => Object.values(target).every((accessor) => json.accessors[accessor].count === count));
      if (!fit) failDamaged(`mesh ${index} has morph targets of another size`);
      moved += count * (targets.length + 1);
    }
  }
  if (moved > LIMITS.movedVertices) fail('too_many', { count: moved, what: 'vertices in its morph targets', most: LIMITS.movedVertices });
}

function validateNodes(json) {
  const { nodes, meshes, skins, scenes } = json;
  const parents = nodes.map(() => null);
  for (const [index, node] of nodes.entries()) {
    for (const [name, length] of [
      ['translation', 3],
      ['rotation', 4],
      ['scale', 3],
      ['matrix', 16],
    ]) {
      const value = node[name];
      if (value === undefined) continue;
      if (!Array.isArray(value) || value.length !== length || !value.every((x) => typeof x === 'number'))
        failDamaged(`node ${index} has no sound place`);
      if (!value.every(Number.isFinite)) fail('not_finite', { where: `node ${index}` });
    }
    const sound = (node.mesh === undefined || isIndex(node.mesh, meshes)) && (node.skin === undefined || isIndex(node.skin, skins));
    const { children = [] } = node;
    if (!sound || !Array.isArray(children) || !children.every((child) => isIndex(child, nodes)))
      failDamaged(`node ${index} points nowhere`);
    for (const child of children) {
      if (parents[child] !== null) failDamaged(`node ${child} hangs on two others`);
      parents[child] = index;
    }
  }
  let [level, seen, depth] = [nodes.map((_, index) => index).filter((index) => parents[index] === null), 0, 0];
  while (level.length) {
    if (++depth > LIMITS.nodeDepth) failDamaged('its nodes hang on each other too deeply');
    seen += level.length;
    level = level.flatMap((index) => nodes[index].children ?? []);
  }
  if (seen < nodes.length) failDamaged('its nodes hang on each other in a circle');
  json.scene ??= 0;
  if (!isIndex(json.scene, scenes)) failDamaged('it has no scene');
  for (const { nodes: roots = [] } of scenes)
    if (!Array.isArray(roots) || !roots.every((root) => isIndex(root, nodes) && parents[root] === null))
      failDamaged('its scene points nowhere');
}

function validateSkins({ skins, nodes, accessors }) {
  for (const [index, { joints, inverseBindMatrices: bind }] of skins.entries()) {
    if (!Array.isArray(joints) || !joints.length || !joints.every((joint) => isIndex(joint, nodes)))
      failDamaged(`skin ${index} points nowhere`);
    if (bind === undefined) continue;
    const sound = isIndex(bind, accessors) && accessors[bind].type === 'MAT4' && accessors[bind].componentType === FLOAT;
    if (!sound || accessors[bind].count < joints.length) failDamaged(`skin ${index} has no sound matrices`);
  }
}

function validateImages({ json, bin }) {
  let pixels = 0;
  for (const [index, { bufferView }] of json.images.entries()) {
    if (bufferView === undefined) continue;
    if (!isIndex(bufferView, json.bufferViews)) failDamaged(`picture ${index} has no place`);
    const { byteOffset, byteLength } = json.bufferViews[bufferView];
    const [width, height] = imageSize(bin.subarray(byteOffset, byteOffset + byteLength));
    if (Math.max(width, height) > LIMITS.pictureSide) fail('picture', { width, height, most: LIMITS.pictureSide });
    pixels += width * height;
  }
  if (pixels > LIMITS.pixels) fail('too_many', { count: pixels, what: 'pixels in its textures', most: LIMITS.pixels });
}

/** Width and height in the header of a PNG, JPEG, WebP or KTX2; zeros where there are none. */
function imageSize(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length >= 24 && view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  if (data.length >= 30 && view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57454250) return webpSize(view);
  const packed = ktx2Size(data);
  if (packed) return packed;
  if (data.length < 4 || view.getUint16(0) !== 0xffd8) return [0, 0];
  for (let at = 2; at + 9 <= data.length && data[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const frame = data[at + 1] >= 0xc0 && data[at + 1] <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(data[at + 1]);
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return [0, 0];
}

/** Format: RFC 9649, WebP Image Format. */
function webpSize(view) {
  const kind = view.getUint32(12);
  if (kind === 0x56503820) return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff]; // lossy
  if (kind === 0x5650384c) return [(view.getUint32(21, true) & 0x3fff) + 1, ((view.getUint32(21, true) >> 14) & 0x3fff) + 1]; // lossless
  return [(view.getUint32(24, true) & 0xffffff) + 1, (view.getUint32(26, true) >>> 8) + 1]; // extended
}

/** Width and height in the header of a KTX2. @returns {[number, number] | null} null of anything else */
export function ktx2Size(data) {
  if (data.length < KTX2_HEAD || !KTX2.every((byte, at) => data[at] === byte)) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return [view.getUint32(20, true), view.getUint32(24, true)];
}
