// GLB: reads a binary glTF file that nobody vouches for, refuses what is not sound, and writes one. Pure: bytes in, bytes out.
// Format: Khronos, glTF 2.0 specification. The same steps in the same order as checking/container.py.

import { CONTRACT } from './contract.mjs';

const { limits: LIMITS } = CONTRACT;
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;
const ARRAYS = { 5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const WIDTHS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 };
const LARGEST = { 5120: 127, 5121: 255, 5122: 32767, 5123: 65535 };
const FLOAT = 5126;
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

const refuse = (code, values) => {
  throw new Refusal(code, values);
};
const damaged = (where) => refuse('damaged', { where });
const isIndex = (value, list) => Number.isInteger(value) && value >= 0 && value < list.length;
const isEntry = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * Reads a whole file.
 *
 * @param {Uint8Array} bytes
 * @returns {{json: object, bin: Uint8Array}} the description, every group of it a list, all data in one buffer
 * @throws {Refusal}
 */
export function readGlb(bytes) {
  const { text, chunk } = containerOf(bytes);
  if (nesting(text) > LIMITS.nesting) damaged('its description is nested too deeply');
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    damaged('its description is no JSON');
  }
  if (!isEntry(json)) damaged('its description is no JSON');
  for (const [name, most] of Object.entries(LIMITS.groups)) {
    json[name] ??= [];
    if (!Array.isArray(json[name]) || !json[name].every(isEntry)) damaged(`“${name}” is no list of entries`);
    if (json[name].length > most) refuse('too_many', { count: json[name].length, what: name, most });
  }
  refuseCompression(json);
  const file = { json, bin: joinBuffers(json, chunk) };
  checkViews(file);
  json.accessors.forEach((accessor, index) => checkAccessor(file, accessor, index));
  checkMeshes(json);
  checkNodes(json);
  checkSkins(json);
  checkPictures(file);
  json.accessors.forEach((accessor, index) => {
    if (accessor.componentType === FLOAT && !numbersOf(file, index).every(Number.isFinite)) refuse('not_finite', { where: `accessor ${index}` });
  });
  return file;
}

function containerOf(bytes) {
  const there = bytes.length;
  if (!there) refuse('empty');
  if (there > LIMITS.bytes) refuse('too_big', { size: megabytes(there), most: Math.floor(LIMITS.bytes / 1e6) });
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  if (head.startsWith('PK\x03\x04')) refuse('zip');
  if (/^(\xef\xbb\xbf)?[ \t\r\n]*\{/.test(head)) refuse('gltf_text');
  if (!head.startsWith('glTF')) refuse('not_glb');
  const view = new DataView(bytes.buffer, bytes.byteOffset, there);
  if (there < 20) refuse('truncated', { there, promised: there < 12 ? 20 : Math.max(20, view.getUint32(8, true)) });
  if (view.getUint32(4, true) !== 2) refuse('version', { version: view.getUint32(4, true) });
  const promised = view.getUint32(8, true);
  if (promised > there) refuse('truncated', { there, promised });
  const chunks = [];
  for (let at = 12; at + 8 <= promised; ) {
    const size = view.getUint32(at, true);
    if (at + 8 + size > promised) refuse('truncated', { there, promised: at + 8 + size });
    chunks.push({ kind: view.getUint32(at + 4, true), data: bytes.subarray(at + 8, at + 8 + size) });
    at += 8 + size;
  }
  if (chunks[0]?.kind !== JSON_CHUNK) damaged('its first part is no description');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunks[0].data);
    return { text, chunk: chunks.find(({ kind }) => kind === BIN_CHUNK)?.data ?? new Uint8Array() };
  } catch {
    return damaged('its description is no JSON');
  }
}

/** How deep brackets stand in brackets, strings left out. */
function nesting(text) {
  let [depth, deepest] = [0, 0];
  for (const bracket of text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/gs, '').replace(/[^[\]{}]/g, '')) {
    depth += '[{'.includes(bracket) ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function refuseCompression(json) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const required = list(json.extensionsRequired);
  const used = [...required, ...list(json.extensionsUsed)];
  for (const [name, which] of Object.entries(CONTRACT.compressions))
    if ((name.startsWith('KHR_texture') ? required : used).includes(name)) refuse('compression', { which });
}

/** One buffer of all, so that what is added has one place; nothing outside the file is ever asked for. */
function joinBuffers(json, chunk) {
  const parts = json.buffers.map(({ uri, byteLength }, index) => {
    const data = uri === undefined && index === 0 ? chunk : embedded(uri, index);
    if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength > data.length) damaged(`buffer ${index} is shorter than it says`);
    return data.subarray(0, byteLength);
  });
  const starts = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += Math.ceil(part.length / 4) * 4;
  }
  json.bufferViews.forEach((view, index) => {
    if (!isIndex(view.buffer, parts)) damaged(`buffer view ${index} has no buffer`);
    const { byteOffset = 0, byteLength } = view;
    const whole = [byteOffset, byteLength].every(Number.isInteger) && byteOffset >= 0 && byteLength > 0;
    if (!whole || byteOffset + byteLength > parts[view.buffer].length) damaged(`buffer view ${index} lies outside the file`);
    Object.assign(view, { buffer: 0, byteOffset: byteOffset + starts[view.buffer] });
  });
  for (const [index, image] of json.images.entries()) {
    if (image.uri !== undefined) embeddedKind(image.uri, index);
    if (image.mimeType !== undefined && !CONTRACT.pictures.includes(image.mimeType)) damaged(`picture ${index} is of a kind that is not read`);
  }
  const bin = new Uint8Array(size);
  parts.forEach((part, index) => bin.set(part, starts[index]));
  json.buffers = size ? [{ byteLength: size }] : [];
  return bin;
}

function embedded(uri, index) {
  if (uri === undefined) damaged(`buffer ${index} has no data`);
  if (typeof uri !== 'string' || !uri.startsWith('data:')) refuse('external', { uri: shown(uri) });
  const comma = uri.indexOf(',');
  if (!/^data:[^,]*;base64,/.test(uri)) damaged(`buffer ${index} cannot be decoded`);
  try {
    return Uint8Array.from(atob(uri.slice(comma + 1)), (character) => character.charCodeAt(0));
  } catch {
    return damaged(`buffer ${index} cannot be decoded`);
  }
}

function embeddedKind(uri, index) {
  if (typeof uri !== 'string' || !uri.startsWith('data:')) refuse('external', { uri: shown(uri) });
  if (!CONTRACT.pictures.includes(uri.slice(5).split(/[;,]/, 1)[0])) damaged(`picture ${index} is of a kind that is not read`);
}

function checkViews({ json }) {
  for (const [index, { byteStride }] of json.bufferViews.entries())
    if (byteStride !== undefined && !(Number.isInteger(byteStride) && byteStride >= 4 && byteStride <= 252)) damaged(`buffer view ${index} has no sound stride`);
}

function checkAccessor({ json }, accessor, index) {
  const { count, sparse } = accessor;
  const width = WIDTHS[accessor.type] * ARRAYS[accessor.componentType]?.BYTES_PER_ELEMENT;
  if (!Object.hasOwn(WIDTHS, accessor.type) || !width || !Number.isInteger(count) || count < 1) damaged(`accessor ${index} has no sound kind`);
  if (count > LIMITS.accessorCount) refuse('too_many', { count, what: 'values in one list', most: LIMITS.accessorCount });
  const room = (place, size, rows, what) => {
    const { byteOffset = 0 } = place;
    if (!isIndex(place.bufferView, json.bufferViews) || !Number.isInteger(byteOffset) || byteOffset < 0) damaged(`${what} has no place`);
    const view = json.bufferViews[place.bufferView];
    if (byteOffset + (rows - 1) * (view.byteStride ?? size) + size > view.byteLength) damaged(`${what} lies outside the file`);
  };
  if (accessor.bufferView !== undefined) room(accessor, width, count, `accessor ${index}`);
  if (sparse === undefined) return;
  const { indices, values } = isEntry(sparse) ? sparse : {};
  const numbered = isEntry(indices) && isEntry(values) && [5121, 5123, 5125].includes(indices.componentType);
  if (!numbered || !Number.isInteger(sparse.count) || sparse.count < 1 || sparse.count > count) damaged(`accessor ${index} has no sound kind`);
  room(indices, ARRAYS[indices.componentType].BYTES_PER_ELEMENT, sparse.count, `accessor ${index}`);
  room(values, width, sparse.count, `accessor ${index}`);
}

function checkMeshes(json) {
  let moved = 0;
  for (const [index, { primitives }] of json.meshes.entries()) {
    if (!Array.isArray(primitives) || !primitives.length || !primitives.every((part) => isEntry(part) && isEntry(part.attributes)))
      damaged(`mesh ${index} has no parts`);
    for (const { attributes, indices, targets = [] } of primitives) {
      if (!Array.isArray(targets) || !targets.every(isEntry)) damaged(`mesh ${index} has no sound morph targets`);
      const used = [...Object.values(attributes), ...targets.flatMap((target) => Object.values(target)), ...(indices === undefined ? [] : [indices])];
      if (!used.every((accessor) => isIndex(accessor, json.accessors)) || attributes.POSITION === undefined) damaged(`mesh ${index} points nowhere`);
      const { count } = json.accessors[attributes.POSITION];
      const fit = targets.every((target) => Object.values(target).every((accessor) => json.accessors[accessor].count === count));
      if (!fit) damaged(`mesh ${index} has morph targets of another size`);
      moved += count * (targets.length + 1);
    }
  }
  if (moved > LIMITS.movedVertices) refuse('too_many', { count: moved, what: 'vertices in its morph targets', most: LIMITS.movedVertices });
}

function checkNodes(json) {
  const { nodes, meshes, skins, scenes } = json;
  const parents = nodes.map(() => null);
  for (const [index, node] of nodes.entries()) {
    for (const [name, length] of [['translation', 3], ['rotation', 4], ['scale', 3], ['matrix', 16]]) {
      const value = node[name];
      if (value === undefined) continue;
      if (!Array.isArray(value) || value.length !== length || !value.every((x) => typeof x === 'number')) damaged(`node ${index} has no sound place`);
      if (!value.every(Number.isFinite)) refuse('not_finite', { where: `node ${index}` });
    }
    const sound = (node.mesh === undefined || isIndex(node.mesh, meshes)) && (node.skin === undefined || isIndex(node.skin, skins));
    const { children = [] } = node;
    if (!sound || !Array.isArray(children) || !children.every((child) => isIndex(child, nodes))) damaged(`node ${index} points nowhere`);
    for (const child of children) {
      if (parents[child] !== null) damaged(`node ${child} hangs on two others`);
      parents[child] = index;
    }
  }
  let [level, seen, depth] = [nodes.map((_, index) => index).filter((index) => parents[index] === null), 0, 0];
  while (level.length) {
    if (++depth > LIMITS.nodeDepth) damaged('its nodes hang on each other too deeply');
    seen += level.length;
    level = level.flatMap((index) => nodes[index].children ?? []);
  }
  if (seen < nodes.length) damaged('its nodes hang on each other in a circle');
  json.scene ??= 0;
  if (!isIndex(json.scene, scenes)) damaged('it has no scene');
  for (const { nodes: roots = [] } of scenes)
    if (!Array.isArray(roots) || !roots.every((root) => isIndex(root, nodes) && parents[root] === null)) damaged('its scene points nowhere');
}

function checkSkins({ skins, nodes, accessors }) {
  for (const [index, { joints, inverseBindMatrices: bind }] of skins.entries()) {
    if (!Array.isArray(joints) || !joints.length || !joints.every((joint) => isIndex(joint, nodes))) damaged(`skin ${index} points nowhere`);
    if (bind === undefined) continue;
    const sound = isIndex(bind, accessors) && accessors[bind].type === 'MAT4' && accessors[bind].componentType === FLOAT;
    if (!sound || accessors[bind].count < joints.length) damaged(`skin ${index} has no sound matrices`);
  }
}

function checkPictures({ json, bin }) {
  for (const [index, { bufferView }] of json.images.entries()) {
    if (bufferView === undefined) continue;
    if (!isIndex(bufferView, json.bufferViews)) damaged(`picture ${index} has no place`);
    const { byteOffset, byteLength } = json.bufferViews[bufferView];
    const [width, height] = sizeOf(bin.subarray(byteOffset, byteOffset + byteLength));
    if (Math.max(width, height) > LIMITS.pictureSide) refuse('picture', { width, height, most: LIMITS.pictureSide });
  }
}

/** Width and height of a PNG or JPEG as its head tells them; zeros where it tells none. */
function sizeOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length >= 24 && view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  if (data.length < 4 || view.getUint16(0) !== 0xffd8) return [0, 0];
  for (let at = 2; at + 9 <= data.length && data[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const frame = data[at + 1] >= 0xc0 && data[at + 1] <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(data[at + 1]);
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return [0, 0];
}

/**
 * The numbers of an accessor, normalised integers as fractions, sparse ones filled in.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @param {number} index
 * @returns {Float32Array} rows one after the other
 */
export function numbersOf({ json, bin }, index) {
  const { type, componentType, count, normalized, bufferView, byteOffset, sparse } = json.accessors[index];
  const width = WIDTHS[type];
  const out = new Float32Array(count * width);
  if (bufferView !== undefined) out.set(packed({ json, bin }, { bufferView, byteOffset }, componentType, width, count));
  if (sparse) {
    const places = packed({ json, bin }, sparse.indices, sparse.indices.componentType, 1, sparse.count);
    const values = packed({ json, bin }, sparse.values, componentType, width, sparse.count);
    places.forEach((place, at) => place < count && out.set(values.subarray(at * width, (at + 1) * width), place * width));
  }
  if (normalized && LARGEST[componentType]) for (let at = 0; at < out.length; at++) out[at] = Math.max(-1, out[at] / LARGEST[componentType]);
  return out;
}

/** The values of `count` rows without what may lie between them. */
function packed({ json, bin }, { bufferView, byteOffset = 0 }, componentType, width, count) {
  const view = json.bufferViews[bufferView];
  const size = width * ARRAYS[componentType].BYTES_PER_ELEMENT;
  const stride = view.byteStride ?? size;
  const start = view.byteOffset + byteOffset;
  const bytes = bin.slice(start, start + (count - 1) * stride + size);
  if (stride !== size) for (let row = 1; row < count; row++) bytes.copyWithin(row * size, row * stride, row * stride + size);
  return new ARRAYS[componentType](bytes.buffer, 0, count * width);
}

/**
 * Writes a file.
 *
 * @param {object} json is written as it is, with the length of its one buffer
 * @param {Uint8Array} bin
 * @returns {Uint8Array}
 */
export function writeGlb(json, bin) {
  const whole = Object.fromEntries(Object.entries(json).filter(([, value]) => !(Array.isArray(value) && !value.length)));
  if (bin.length) whole.buffers = [{ byteLength: bin.length }];
  const text = new TextEncoder().encode(JSON.stringify(whole));
  const pad = (length) => Math.ceil(length / 4) * 4;
  const out = new Uint8Array(12 + 8 + pad(text.length) + 8 + pad(bin.length));
  const view = new DataView(out.buffer);
  const words = (at, ...values) => values.forEach((value, index) => view.setUint32(at + 4 * index, value, true));
  words(0, 0x46546c67, 2, out.length, pad(text.length), JSON_CHUNK);
  out.fill(0x20, 20, 20 + pad(text.length));
  out.set(text, 20);
  words(20 + pad(text.length), pad(bin.length), BIN_CHUNK);
  out.set(bin, 28 + pad(text.length));
  return out;
}
