// GLB reader and writer: parses an untrusted binary glTF file, validates it, and writes one. Pure: bytes in, bytes out.
// Format: Khronos, glTF 2.0 specification.

import SPEC from './spec.json' with { type: 'json' };
import { MESHOPT, validatePacking, limitUnpackedSize, isFallbackBuffer, extensionIn } from './packing.mjs';
import { failDamaged, isObject, isIndex, formatMegabytes, fail, displayText } from './errors.mjs';
import { TYPED_ARRAYS, FLOAT, COMPONENT_COUNTS, validateStructure } from './validate.mjs';

const { limits: LIMITS } = SPEC;
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;
const LARGEST = { 5120: 127, 5121: 255, 5122: 32767, 5123: 65535 };

/**
 * Reads a whole file. Compressed data stays compressed: see `unpack.mjs`.
 *
 * @param {Uint8Array} bytes
 * @returns {{json: object, bin: Uint8Array}} the description, every group of it a list, all data in one buffer
 * @throws {ValidationError}
 */
export function readGlb(bytes) {
  const { text, chunk } = readContainer(bytes);
  if (nestingDepth(text) > LIMITS.nesting) failDamaged('its description is nested too deeply');
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    failDamaged('its description is no JSON');
  }
  if (!isObject(json)) failDamaged('its description is no JSON');
  for (const [name, most] of Object.entries(LIMITS.groups)) {
    json[name] ??= [];
    if (!Array.isArray(json[name]) || !json[name].every(isObject)) failDamaged(`“${name}” is no list of entries`);
    if (json[name].length > most) fail('too_many', { count: json[name].length, what: name, most });
  }
  rejectUnsupportedCompression(json);
  const file = { json, bin: joinBuffers(json, chunk) };
  validateFile(file);
  return file;
}

/**
 * Validates a whole file whose buffers are joined.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @throws {ValidationError}
 */
export function validateFile(file) {
  validateStructure(file);
  validatePacking(file);
  file.json.accessors.forEach((accessor, index) => {
    if (accessor.componentType === FLOAT && !readAccessor(file, index).every(Number.isFinite))
      fail('not_finite', { where: `accessor ${index}` });
  });
}

function readContainer(bytes) {
  const there = bytes.length;
  if (!there) fail('empty');
  if (there > LIMITS.bytes) fail('too_big', { size: formatMegabytes(there), most: Math.floor(LIMITS.bytes / 1e6) });
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  if (head.startsWith('PK\x03\x04')) fail('zip');
  if (/^(\xef\xbb\xbf)?[ \t\r\n]*\{/.test(head)) fail('gltf_text');
  if (!head.startsWith('glTF')) fail('not_glb');
  const view = new DataView(bytes.buffer, bytes.byteOffset, there);
  if (there < 20) fail('truncated', { there, promised: there < 12 ? 20 : Math.max(20, view.getUint32(8, true)) });
  if (view.getUint32(4, true) !== 2) fail('version', { version: view.getUint32(4, true) });
  const promised = view.getUint32(8, true);
  if (promised > there) fail('truncated', { there, promised });
  const chunks = [];
  for (let at = 12; at + 8 <= promised;) {
    const size = view.getUint32(at, true);
    if (at + 8 + size > promised) fail('truncated', { there, promised: at + 8 + size });
    chunks.push({ kind: view.getUint32(at + 4, true), data: bytes.subarray(at + 8, at + 8 + size) });
    at += 8 + size;
  }
  if (chunks[0]?.kind !== JSON_CHUNK) failDamaged('its first part is no description');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunks[0].data);
    return { text, chunk: chunks.find(({ kind }) => kind === BIN_CHUNK)?.data ?? new Uint8Array() };
  } catch {
    return failDamaged('its description is no JSON');
  }
}

/** The depth of nested brackets, strings left out. */
function nestingDepth(text) {
  let [depth, deepest] = [0, 0];
  for (const bracket of text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/gs, '').replace(/[^[\]{}]/g, '')) {
    depth += '[{'.includes(bracket) ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function rejectUnsupportedCompression(json) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const used = [...list(json.extensionsRequired), ...list(json.extensionsUsed)];
  for (const [name, which] of Object.entries(SPEC.unsupportedCompressions)) if (used.includes(name)) fail('compression', { which });
}

/** Joins all buffers into one, so that added data has one place; nothing outside the file is ever requested. */
function joinBuffers(json, chunk) {
  const starts = [];
  let size = 0;
  const parts = json.buffers.map((buffer, index) => {
    const part = bufferData(buffer, index, chunk);
    starts.push(size);
    size += Math.ceil(part.length / 4) * 4;
    limitUnpackedSize(size);
    return part;
  });
  const place = (view, index) => {
    if (!isIndex(view.buffer, parts)) failDamaged(`buffer view ${index} has no buffer`);
    const { byteOffset = 0, byteLength } = view;
    const whole = [byteOffset, byteLength].every(Number.isInteger) && byteOffset >= 0 && byteLength > 0;
    if (!whole || byteOffset + byteLength > parts[view.buffer].length) failDamaged(`buffer view ${index} lies outside the file`);
    Object.assign(view, { buffer: 0, byteOffset: byteOffset + starts[view.buffer] });
  };
  json.bufferViews.forEach((view, index) => {
    place(view, index);
    if (extensionIn(view, MESHOPT)) place(extensionIn(view, MESHOPT), index);
  });
  for (const [index, image] of json.images.entries()) {
    if (image.uri !== undefined) validateImageUri(image.uri, index);
    const kinds = image.uri === undefined ? [...SPEC.imageTypes, SPEC.packedImageType] : SPEC.imageTypes;
    if (image.mimeType !== undefined && !kinds.includes(image.mimeType)) failDamaged(`picture ${index} is of a kind that is not read`);
  }
  const bin = new Uint8Array(size);
  parts.forEach((part, index) => part instanceof Uint8Array && bin.set(part, starts[index]));
  json.buffers = size ? [{ byteLength: size }] : [];
  return bin;
}

/** A buffer's data. @returns {Uint8Array | {length: number}} only its length where the file leaves room for decompressed data */
function bufferData(buffer, index, chunk) {
  const { uri, byteLength } = buffer;
  const whole = Number.isInteger(byteLength) && byteLength >= 0;
  if (isFallbackBuffer(buffer) && whole) return { length: byteLength };
  const data = uri === undefined && index === 0 ? chunk : decodeDataUri(uri, index);
  if (!whole || byteLength > data.length) failDamaged(`buffer ${index} is shorter than it says`);
  return data.subarray(0, byteLength);
}

function decodeDataUri(uri, index) {
  if (uri === undefined) failDamaged(`buffer ${index} has no data`);
  if (typeof uri !== 'string' || !uri.startsWith('data:')) fail('external', { uri: displayText(uri) });
  const comma = uri.indexOf(',');
  if (!/^data:[^,]*;base64,/.test(uri)) failDamaged(`buffer ${index} cannot be decoded`);
  try {
    return Uint8Array.from(atob(uri.slice(comma + 1)), (character) => character.charCodeAt(0));
  } catch {
    return failDamaged(`buffer ${index} cannot be decoded`);
  }
}

function validateImageUri(uri, index) {
  if (typeof uri !== 'string' || !uri.startsWith('data:')) fail('external', { uri: displayText(uri) });
  if (!SPEC.imageTypes.includes(uri.slice(5).split(/[;,]/, 1)[0])) failDamaged(`picture ${index} is of a kind that is not read`);
}

/**
 * The numbers of an accessor, normalised integers as fractions, sparse ones filled in.
 *
 * @param {{json: object, bin: Uint8Array}} file
 * @param {number} index
 * @returns {Float32Array} rows one after the other
 */
export function readAccessor({ json, bin }, index) {
  const { type, componentType, count, normalized, bufferView, byteOffset, sparse } = json.accessors[index];
  const width = COMPONENT_COUNTS[type];
  const out = new Float32Array(count * width);
  if (bufferView !== undefined) out.set(readRows({ json, bin }, { bufferView, byteOffset }, componentType, width, count));
  if (sparse) {
    const places = readRows({ json, bin }, sparse.indices, sparse.indices.componentType, 1, sparse.count);
    const values = readRows({ json, bin }, sparse.values, componentType, width, sparse.count);
    places.forEach((place, at) => place < count && out.set(values.subarray(at * width, (at + 1) * width), place * width));
  }
  if (normalized && LARGEST[componentType])
    for (let at = 0; at < out.length; at++) out[at] = Math.max(-1, out[at] / LARGEST[componentType]);
  return out;
}

/** The values of `count` rows without the stride's gaps. */
function readRows({ json, bin }, { bufferView, byteOffset = 0 }, componentType, width, count) {
  const view = json.bufferViews[bufferView];
  const size = width * TYPED_ARRAYS[componentType].BYTES_PER_ELEMENT;
  const stride = view.byteStride ?? size;
  const start = view.byteOffset + byteOffset;
  const bytes = bin.slice(start, start + (count - 1) * stride + size);
  if (stride !== size) for (let row = 1; row < count; row++) bytes.copyWithin(row * size, row * stride, row * stride + size);
  return new TYPED_ARRAYS[componentType](bytes.buffer, 0, count * width);
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

/** Byte arrays one behind the other. @param {Uint8Array[]} parts  @returns {Uint8Array} */
export function concatBytes(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
