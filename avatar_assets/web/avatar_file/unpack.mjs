// Unpack: turns what Draco, Meshopt or Basis Universal packed into plain numbers and pictures, so that everything behind reads plain files only.
// The decoders come with three; each is loaded when a file needs it, and works in a worker that ends with the file.

import { CONTRACT } from './spec.mjs';
import { checkFile, joined } from './glb.mjs';
import { BASIS, DRACO, MESHOPT, basisTexturesOf, dracoPartsOf, packingsOf, said } from './packing.mjs';
import { pngOf } from './png.mjs';
import { Refusal, damaged, refuse } from './errors.mjs';
import { ARRAYS, WIDTHS } from './validate.mjs';

const UNSIGNED_INT = 5125;
const TRIANGLES = 4;
/** A graphics card that reads none of the packed kinds: the pictures come as plain pixels. */
const NO_CARD = { extensions: { has: () => false } };
const UNPACKERS = { [DRACO]: unpackDraco, [MESHOPT]: unpackMeshopt, [BASIS]: unpackBasis };
const addon = (path) => import.meta.resolve(`three/addons/libs/${path}`);

/**
 * Unpacks a file.
 *
 * @param {{json: object, bin: Uint8Array}} packed a file that `check` found nothing wrong with
 * @returns {Promise<{json: object, bin: Uint8Array}>} the same without anything packed; nodes, meshes and accessors keep their places
 * @throws {Refusal} when it cannot be unpacked, when it takes too long, when what comes out is not sound
 */
export async function unpack({ json, bin }) {
  const file = new Unpacked(structuredClone(json), bin);
  for (const name of packingsOf(json)) {
    const tools = []; // what ends when this is done
    let timer = 0;
    const late = new Promise((_, reject) => (timer = setTimeout(reject, 1000 * CONTRACT.limits.unpackSeconds, new Late())));
    try {
      await Promise.race([UNPACKERS[name](file, tools), late]);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      refuse('unpacked', { which: CONTRACT.packings[name], why: error instanceof Hindrance ? error.message : 'what is packed is damaged' });
    } finally {
      clearTimeout(timer);
      for (const tool of tools) tool.dispose();
    }
    for (const list of ['extensionsUsed', 'extensionsRequired']) if (Array.isArray(file.json[list])) file.json[list] = file.json[list].filter((one) => one !== name);
  }
  const plain = { json: file.json, bin: file.bytes() };
  checkFile(plain);
  return plain;
}

/** Why a sound file cannot be unpacked, as the inside of a sentence. */
class Hindrance extends Error {}

class Late extends Hindrance {
  constructor() {
    super(`unpacking it takes longer than ${CONTRACT.limits.unpackSeconds} s`);
  }
}

/** A file whose data grows. */
class Unpacked {
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
    const whole = joined(this.#parts);
    this.json.buffers = [{ byteLength: whole.length }];
    return whole;
  }
}

/** What a decoder is made of arrives, or the file is not to blame. */
async function arrived(loading) {
  try {
    return await loading;
  } catch {
    throw new Hindrance('what unpacks it could not be loaded; there may be no network');
  }
}

async function unpackMeshopt(file, tools) {
  const { MeshoptDecoder } = await arrived(import('three/addons/libs/meshopt_decoder.module.js'));
  await MeshoptDecoder.ready;
  MeshoptDecoder.useWorkers(1);
  tools.push({ dispose: () => MeshoptDecoder.useWorkers(0) });
  for (const view of file.json.bufferViews) {
    const packed = said(view, MESHOPT);
    if (!packed) continue;
    const source = file.place(packed.byteOffset, packed.byteLength);
    const plain = await MeshoptDecoder.decodeGltfBufferAsync(packed.count, packed.byteStride, source, packed.mode, packed.filter ?? 'NONE');
    file.place(view.byteOffset, view.byteLength).set(plain);
    delete view.extensions[MESHOPT];
  }
}

async function unpackDraco(file, tools) {
  const { DRACOLoader } = await arrived(import('three/addons/loaders/DRACOLoader.js'));
  const loader = new DRACOLoader().setDecoderPath(addon('draco/gltf/')).setWorkerLimit(1);
  tools.push(loader);
  await arrived(loader.preload().decoderPending);
  const { accessors } = file.json;
  for (const part of dracoPartsOf(file.json)) {
    const { bufferView, attributes: ids } = said(part, DRACO);
    const kinds = Object.fromEntries(Object.keys(ids).map((name) => [name, ARRAYS[accessors[part.attributes[name]].componentType].name]));
    const { index, attributes } = await new Promise((resolve, reject) => {
      loader.decodeDracoFile(file.view(bufferView).slice().buffer, resolve, ids, kinds, undefined, reject).catch(reject);
    });
    const unpacked = (accessor, { array, itemSize }, componentType) => {
      const { type, count } = accessors[accessor];
      if (itemSize !== WIDTHS[type] || array.length !== count * itemSize) damaged('what is packed is not what it says');
      const { sparse, byteOffset, ...rest } = accessors[accessor]; // another part may read its own numbers by the same accessor
      return accessors.push({ ...rest, componentType, bufferView: file.add(array) }) - 1;
    };
    for (const name of Object.keys(ids)) part.attributes[name] = unpacked(part.attributes[name], attributes[name], accessors[part.attributes[name]].componentType);
    part.indices = unpacked(part.indices, index, UNSIGNED_INT);
    part.mode = TRIANGLES;
    delete part.extensions[DRACO];
  }
}

async function unpackBasis(file, tools) {
  const { KTX2Loader } = await arrived(import('three/addons/loaders/KTX2Loader.js'));
  const loader = new KTX2Loader().setTranscoderPath(addon('basis/')).setWorkerLimit(1).detectSupport(NO_CARD);
  tools.push(loader);
  await arrived(loader.init());
  const { images, textures } = file.json;
  for (const source of new Set(basisTexturesOf(file.json).map((texture) => said(texture, BASIS).source))) {
    const packed = file.view(images[source].bufferView).slice().buffer;
    const { image, mipmaps } = await new Promise((resolve, reject) => loader.parse(packed, resolve, reject));
    const [{ data }] = mipmaps;
    if (data.length !== 4 * image.width * image.height) damaged(`picture ${source} is not what it says`);
    images[source] = { ...images[source], mimeType: 'image/png', bufferView: file.add(await pngOf(data, image)) };
  }
  for (const texture of textures) {
    const packed = said(texture, BASIS);
    if (!packed) continue;
    texture.source ??= packed.source;
    delete texture.extensions[BASIS];
  }
}
