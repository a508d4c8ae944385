// GLB: reads a binary glTF file that nobody vouches for, refuses what is not sound, and writes one. Pure: bytes in, bytes out.
// Format: Khronos, glTF 2.0 specification. The same steps in the same order as checking/container.py.

import { CONTRACT } from './spec.mjs';
import { MESHOPT, checkPacking, checkSize, isRoom, said } from './packing.mjs';
import { damaged, isEntry, isIndex, megabytes, refuse, shown } from './errors.mjs';
import { ARRAYS, FLOAT, WIDTHS, checkSoundness } from './validate.mjs';

const { limits: LIMITS } = CONTRACT;
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;
const LARGEST = { 5120: 127, 5121: 255, 5122: 32767, 5123: 65535 };

/**
 * Reads a whole file. What is packed in it stays so: see `unpack.mjs`.
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
  checkFile(file);
  return file;
}

/**
 * Goes through a whole file whose buffers are joined.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @throws {Refusal}
 */
export function checkFile(file) {
  checkSoundness(file);
  checkPacking(file);
  file.json.accessors.forEach((accessor, index) => {
    if (accessor.componentType === FLOAT && !numbersOf(file, index).every(Number.isFinite)) refuse('not_finite', { where: `accessor ${index}` });
  });
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
  const used = [...list(json.extensionsRequired), ...list(json.extensionsUsed)];
  for (const [name, which] of Object.entries(CONTRACT.compressions)) if (used.includes(name)) refuse('compression', { which });
}

/** One buffer of all, so that what is added has one place; nothing outside the file is ever asked for. */
function joinBuffers(json, chunk) {
  const starts = [];
  let size = 0;
  const parts = json.buffers.map((buffer, index) => {
    const part = partOf(buffer, index, chunk);
    starts.push(size);
    size += Math.ceil(part.length / 4) * 4;
    checkSize(size);
    return part;
  });
  const place = (view, index) => {
    if (!isIndex(view.buffer, parts)) damaged(`buffer view ${index} has no buffer`);
    const { byteOffset = 0, byteLength } = view;
    const whole = [byteOffset, byteLength].every(Number.isInteger) && byteOffset >= 0 && byteLength > 0;
    if (!whole || byteOffset + byteLength > parts[view.buffer].length) damaged(`buffer view ${index} lies outside the file`);
    Object.assign(view, { buffer: 0, byteOffset: byteOffset + starts[view.buffer] });
  };
  json.bufferViews.forEach((view, index) => {
    place(view, index);
    if (said(view, MESHOPT)) place(said(view, MESHOPT), index);
  });
  for (const [index, image] of json.images.entries()) {
    if (image.uri !== undefined) embeddedKind(image.uri, index);
    const kinds = image.uri === undefined ? [...CONTRACT.pictures, CONTRACT.packedPicture] : CONTRACT.pictures;
    if (image.mimeType !== undefined && !kinds.includes(image.mimeType)) damaged(`picture ${index} is of a kind that is not read`);
  }
  const bin = new Uint8Array(size);
  parts.forEach((part, index) => part instanceof Uint8Array && bin.set(part, starts[index]));
  json.buffers = size ? [{ byteLength: size }] : [];
  return bin;
}

/** @returns {Uint8Array | {length: number}} without data where there is room only */
function partOf(buffer, index, chunk) {
  const { uri, byteLength } = buffer;
  const whole = Number.isInteger(byteLength) && byteLength >= 0;
  if (isRoom(buffer) && whole) return { length: byteLength };
  const data = uri === undefined && index === 0 ? chunk : embedded(uri, index);
  if (!whole || byteLength > data.length) damaged(`buffer ${index} is shorter than it says`);
  return data.subarray(0, byteLength);
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

/** Pieces of data, one behind the other. @param {Uint8Array[]} parts  @returns {Uint8Array} */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
