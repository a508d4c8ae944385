// Packs GLB files the way glTF-Transform does it for everybody: node pack.mjs draco|meshopt|quantized IN OUT.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(new URL('../avatar_assets/package.json', import.meta.url));
const load = (name) => import(pathToFileURL(resolve(name)).href);
const [{ NodeIO }, { ALL_EXTENSIONS, EXTMeshoptCompression, KHRDracoMeshCompression }, { default: draco }, meshopt] = await Promise.all(
  ['@gltf-transform/core', '@gltf-transform/extensions', 'draco3dgltf', 'meshoptimizer'].map(load),
);

const [how, from, to] = process.argv.slice(2);
const io = new NodeIO().registerExtensions(ALL_EXTENSIONS);
if (how === 'draco') io.registerDependencies({ 'draco3d.encoder': await draco.createEncoderModule() });
else {
  await meshopt.MeshoptEncoder.ready;
  io.registerDependencies({ 'meshopt.encoder': meshopt.MeshoptEncoder });
}
const document = await io.read(from);
for (const accessor of document.getRoot().listAccessors()) accessor.setSparse(false); // glTF-Transform writes zeros for sparse integers that are normalised
if (how === 'draco') document.createExtension(KHRDracoMeshCompression).setRequired(true);
else document.createExtension(EXTMeshoptCompression).setRequired(true).setEncoderOptions({ method: EXTMeshoptCompression.EncoderMethod[how === 'meshopt' ? 'FILTER' : 'QUANTIZE'] });
await io.write(to, document);
