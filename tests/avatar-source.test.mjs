// Avatar source: whatever is wrong with a dropped file ends in a report, never in an error.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';

const home = new URL('../avatar_assets/', import.meta.url);
const skip = existsSync(new URL('node_modules/three', home)) ? false : 'the npm modules are not installed';
const { readDropped } = skip ? {} : await import(new URL('web/avatar/avatar-source.mjs', home));
const { readGlb, writeGlb } = skip ? {} : await import(new URL('web/avatar_file/glb.mjs', home));

const dropped = (name, bytes) => ({ name, size: bytes.length, arrayBuffer: async () => bytes.slice().buffer });
const codesOf = ({ report }) => report.findings.map(({ code }) => code);

test('a sound file is there with its bytes', { skip }, async () => {
  const { report, bytes } = await readDropped(dropped('mia.glb', new Uint8Array(readFileSync(new URL('avatars/mia.glb', home)))));
  assert.equal(report.verdict, 'ready');
  assert.ok(bytes.length);
});

test('a file that cannot be read any more is refused with the reason', { skip }, async () => {
  const gone = { name: 'gone.vrm', size: 10, arrayBuffer: () => Promise.reject(new Error('The file could not be found.')) };
  const { report, bytes } = await readDropped(gone);
  assert.deepEqual([bytes, report.verdict, report.file], [null, 'refused', 'gone.vrm']);
  assert.match(report.findings[0].text, /The file could not be found/);
});

test('a packed file whose decoder does not come is refused', { skip }, async () => {
  const { json, bin } = readGlb(new Uint8Array(readFileSync(new URL('avatars/mia.glb', home))));
  json.extensionsUsed = [...(json.extensionsUsed ?? []), 'KHR_draco_mesh_compression'];
  const packed = await readDropped(dropped('packed.glb', writeGlb(json, bin))); // Node fetches no file: addresses
  assert.equal(packed.bytes, null);
  assert.deepEqual(codesOf(packed), ['unpacked']);
});
