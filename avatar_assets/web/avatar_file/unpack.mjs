// Decompression: decodes Draco, Meshopt and Basis Universal into plain accessors and PNGs; everything downstream reads plain files only.
// The decoders come with three; each is loaded when a file needs it, and works in a worker that ends with the file.

import SPEC from './spec.json' with { type: 'json' };
import { validateFile, concatBytes } from './glb.mjs';
import { BASIS, DRACO, MESHOPT, basisTextures, dracoPrimitives, packingsOf, extensionIn } from './packing.mjs';
import { pngOf } from './png.mjs';
import { ValidationError, failDamaged, fail } from './errors.mjs';
import { TYPED_ARRAYS, COMPONENT_COUNTS } from './validate.mjs';

const UNSIGNED_INT = 5125;
const TRIANGLES = 4;
/** A stand-in for a graphics card without compressed texture formats: pictures come as plain pixels. */
const NO_CARD = { extensions: { has: () => false } };
const UNPACKERS = { [DRACO]: unpackDraco, [MESHOPT]: unpackMeshopt, [BASIS]: unpackBasis };
const addon = (path) => import.meta.resolve(`three/addons/libs/${path}`);

/**
 * Decompresses a file.
 *
 * @param {{json: object, bin: Uint8Array}} packed a file that `inspectAvatar` did not refuse
 * @returns {Promise<{json: object, bin: Uint8Array}>} the same without anything packed; nodes, meshes and accessors keep their places
 * @throws {ValidationError} when it cannot be unpacked, when it takes too long, when what comes out is not sound
 */
export async function unpack({ json, bin }) {
  const file = new GrowingFile(structuredClone(json), bin);
  for (const name of packingsOf(json)) {
    const decoders = []; // disposed when this is done
    let timer = 0;
    const late = new Promise((_, reject) => (timer = setTimeout(reject, 1000 * SPEC.limits.unpackSeconds, new UnpackTimeout())));
    try {
      await Promise.race([UNPACKERS[name](file, decoders), late]);
    } catch (error) {
      if (error instanceof ValidationError) throw error;
      fail('unpacked', { which: SPEC.packings[name], why: error instanceof UnpackError ? error.message : 'what is packed is damaged' });
    } finally {
      clearTimeout(timer);
      for (const decoder of decoders) decoder.dispose();
    }
    for (const list of ['extensionsUsed', 'extensionsRequired'])
      if (Array.isArray(file.json[list])) file.json[list] = file.json[list].filter((one) => one !== name);
  }
  const plain = { json: file.json, bin: file.bytes() };
  validateFile(plain);
  return plain;
}

/** Why a sound file cannot be decompressed, as the inside of a sentence. */
class UnpackError extends Error {}

class UnpackTimeout extends UnpackError {
  constructor() {
    super(`unpacking it takes longer than ${SPEC.limits.unpackSeconds} s`);
  }
}

/** A file whose data grows. */
class GrowingFile {
  #parts;
  #size;

  constructor(json, bin) {
    this.json = json;
    this.#parts = [bin.slice()];
    this.#size = bin.length;
  }

  /** The data of a view of the packed file. */
  view(index) {
    const { byteOffset, byteLength } = this.json.bufferViews[index];
    return this.place(byteOffset, byteLength);
  }

  /** A place in the data of the packed file, to be read or written. */
  place(from, length) {
    return this.#parts[0].subarray(from, from + length);
  }

  /** @param {ArrayBufferView} data  @returns {number} index of its view */
  add({ buffer, byteOffset, byteLength }) {
    const padded = new Uint8Array(Math.ceil(byteLength / 4) * 4);
    padded.set(new Uint8Array(buffer, byteOffset, byteLength));
    this.#parts.push(padded);
    this.#size += padded.length;
    return this.json.bufferViews.push({ buffer: 0, byteOffset: this.#size - padded.length, byteLength }) - 1;
  }

  bytes() {
    const whole = concatBytes(this.#parts);
    this.json.buffers = [{ byteLength: whole.length }];
    return whole;
  }
}

/** Waits for a decoder's code; where it does not come, the file is not to blame. */
async function loadDecoder(loading) {
  try {
    return await loading;
  } catch {
    throw new UnpackError('what unpacks it could not be loaded; there may be no network');
  }
}

async function unpackMeshopt(file, decoders) {
  const { MeshoptDecoder } = await loadDecoder(import('three/addons/libs/meshopt_decoder.module.js'));
  await MeshoptDecoder.ready;
  MeshoptDecoder.useWorkers(1);
  decoders.push({ dispose: () => MeshoptDecoder.useWorkers(0) });
  for (const view of file.json.bufferViews) {
    const packed = extensionIn(view, MESHOPT);
    if (!packed) continue;
    const source = file.place(packed.byteOffset, packed.byteLength);
    const plain = await MeshoptDecoder.decodeGltfBufferAsync(packed.count, packed.byteStride, source, packed.mode, packed.filter ?? 'NONE');
    file.place(view.byteOffset, view.byteLength).set(plain);
    delete view.extensions[MESHOPT];
  }
}

async function unpackDraco(file, decoders) {
  const { DRACOLoader } = await loadDecoder(import('three/addons/loaders/DRACOLoader.js'));
  const loader = new DRACOLoader().setDecoderPath(addon('draco/gltf/')).setWorkerLimit(1);
  decoders.push(loader);
  await loadDecoder(loader.preload().decoderPending);
  const { accessors } = file.json;
  for (const part of dracoPrimitives(file.json)) {
    const { bufferView, attributes: ids } = extensionIn(part, DRACO);
    const kinds = Object.fromEntries(
      Object.keys(ids).map((name) => [name, TYPED_ARRAYS[accessors[part.attributes[name]].componentType].name]),
    );
    const { index, attributes } = await new Promise((resolve, reject) => {
      loader.decodeDracoFile(file.view(bufferView).slice().buffer, resolve, ids, kinds, undefined, reject).catch(reject);
    });
    const unpacked = (accessor, { array, itemSize }, componentType) => {
      const { type, count } = accessors[accessor];
      if (itemSize !== COMPONENT_COUNTS[type] || array.length !== count * itemSize) failDamaged('what is packed is not what it says');
      const { sparse, byteOffset, ...rest } = accessors[accessor]; // another part may read its own numbers by the same accessor
      return accessors.push({ ...rest, componentType, bufferView: file.add(array) }) - 1;
    };
    for (const name of Object.keys(ids))
      part.attributes[name] = unpacked(part.attributes[name], attributes[name], accessors[part.attributes[name]].componentType);
    part.indices = unpacked(part.indices, index, UNSIGNED_INT);
    part.mode = TRIANGLES;
    delete part.extensions[DRACO];
  }
}

async function unpackBasis(file, decoders) {
  const { KTX2Loader } = await loadDecoder(import('three/addons/loaders/KTX2Loader.js'));
  const loader = new KTX2Loader().setTranscoderPath(addon('basis/')).setWorkerLimit(1).detectSupport(NO_CARD);
  decoders.push(loader);
  await loadDecoder(loader.init());
  const { images, textures } = file.json;
  for (const source of new Set(basisTextures(file.json).map((texture) => extensionIn(texture, BASIS).source))) {
    const packed = file.view(images[source].bufferView).slice().buffer;
    const { image, mipmaps } = await new Promise((resolve, reject) => loader.parse(packed, resolve, reject));
    const [{ data }] = mipmaps;
    if (data.length !== 4 * image.width * image.height) failDamaged(`picture ${source} is not what it says`);
    images[source] = { ...images[source], mimeType: 'image/png', bufferView: file.add(await pngOf(data, image)) };
  }
  for (const texture of textures) {
    const packed = extensionIn(texture, BASIS);
    if (!packed) continue;
    texture.source ??= packed.source;
    delete texture.extensions[BASIS];
  }
}
