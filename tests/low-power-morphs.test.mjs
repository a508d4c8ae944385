// Morphs: the sum that the shader would make, packed or not, and only when something has changed.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';

const THREE = new URL('../avatar_assets/node_modules/three/build/three.module.js', import.meta.url);
const skip = existsSync(THREE) ? false : 'three is not installed: npm ci in avatar_assets';

async function face() {
  const three = await import(THREE.href);
  const { MorphTargets } = await import('../avatar_assets/web/avatar/low_power/morphs.mjs');
  const geometry = new three.BufferGeometry();
  geometry.setAttribute('position', new three.BufferAttribute(Int16Array.of(0, 0, 0, 32767, 0, 0, 0, 16383, 0), 3, true));
  geometry.morphAttributes.position = [
    new three.BufferAttribute(Float32Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0), 3),
    new three.BufferAttribute(Float32Array.of(0, 0, 2, 0, 0, 0, -1, 0, 0), 3),
  ];
  geometry.morphTargetsRelative = true;
  const mesh = new three.Mesh(geometry);
  mesh.updateMorphTargets();
  mesh.morphTargetInfluences = [0, 0];
  const root = new three.Group().add(mesh);
  return { morphs: new MorphTargets(root), mesh, geometry };
}

test('points go where their shapes want them', { skip }, async () => {
  const { morphs, mesh, geometry } = await face();
  assert.deepEqual(geometry.morphAttributes, {});
  const values = () => [...geometry.attributes.position.array].map((value) => Math.round(value * 1000) / 1000 + 0);
  morphs.apply();
  assert.deepEqual(values(), [0, 0, 0, 1, 0, 0, 0, 0.5, 0]);
  mesh.morphTargetInfluences[0] = 0.5;
  mesh.morphTargetInfluences[1] = 1;
  morphs.apply();
  assert.deepEqual(values(), [0, 0.5, 2, 1, 0, 0, -1, 0.5, 0]);
  mesh.morphTargetInfluences.fill(0);
  morphs.apply();
  assert.deepEqual(values(), [0, 0, 0, 1, 0, 0, 0, 0.5, 0]);
});

test('a face at rest is not sent to be drawn again', { skip }, async () => {
  const { morphs, mesh, geometry } = await face();
  morphs.apply();
  const { version } = geometry.attributes.position;
  morphs.apply();
  assert.equal(geometry.attributes.position.version, version);
  mesh.morphTargetInfluences[1] = 0.2;
  morphs.apply();
  assert.ok(geometry.attributes.position.version > version);
});
