// Skinned meshes: what low-power mode leaves out without anybody seeing it, and that nothing is left behind.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';

const THREE = new URL('../avatar_assets/node_modules/three/build/three.module.js', import.meta.url);
const skip = existsSync(THREE) ? false : 'three is not installed: npm ci in avatar_assets';
const MESHOPT = new URL('../avatar_assets/node_modules/meshoptimizer/index.js', import.meta.url);
const thinning = existsSync(MESHOPT) ? false : 'meshoptimizer is not installed: npm ci in avatar_assets';
const three = skip ? null : await import(THREE.href);
const { SkinnedMeshes } = skip ? {} : await import('../avatar_assets/web/avatar/low_power/skinned-meshes.mjs');

/** A triangle whose points hang on these joints; a joint for each point, or [joint, joint] for one that hangs on both. */
function part(name, skeleton, at, joints, shapes = 0) {
  const geometry = new three.BufferGeometry();
  const points = [at, at.map((value, axis) => value + 0.1 * (axis === 0)), at.map((value, axis) => value + 0.1 * (axis === 1))];
  geometry.setAttribute('position', new three.Float32BufferAttribute(points.flat(), 3));
  geometry.setAttribute('normal', new three.Float32BufferAttribute([0, 0, 1, 0, 0, 1, 0, 0, 1], 3));
  const both = joints.map((joint) => [joint].flat());
  geometry.setAttribute('skinIndex', new three.Uint16BufferAttribute(both.flatMap(([a, b]) => [a, b ?? 0, 0, 0]), 4));
  const weights = both.flatMap(([, b]) => (b === undefined ? [1, 0, 0, 0] : [0.5, 0.5, 0, 0]));
  geometry.setAttribute('skinWeight', new three.Float32BufferAttribute(weights, 4));
  const shape = () => new three.Float32BufferAttribute([0, 0, 0, 0, 0, 0.2, 0, 0, 0], 3);
  if (shapes) geometry.morphAttributes.position = Array.from({ length: shapes }, shape);
  geometry.morphTargetsRelative = true;
  const mesh = new three.SkinnedMesh(geometry, new three.MeshStandardMaterial({ map: new three.Texture() }));
  mesh.name = name;
  mesh.frustumCulled = false;
  mesh.updateMorphTargets();
  return mesh;
}

function person() {
  const armature = new three.Group();
  const [hips, head, hand] = [0, 1.6, 0.6].map((y) => new three.Bone().translateY(y));
  armature.add(hips);
  hips.add(head, hand);
  armature.updateWorldMatrix(true, true);
  const skeleton = new three.Skeleton([hips, head, hand]);
  const parts = [
    part('face', skeleton, [0, 1.6, 0], [1, 1, 1], 2),
    part('neck', skeleton, [0, 1.5, 0], [1, [1, 0], [1, 0]]),
    part('hands', skeleton, [0, 0.6, 0], [2, [2, 0], 2]),
    part('shoes', skeleton, [0, 0, 0], [0, 0, 0]),
  ];
  for (const mesh of parts) armature.add(mesh.bind(skeleton, new three.Matrix4()) ?? mesh);
  const meshes = new SkinnedMeshes(armature);
  const scene = new three.Scene().add(armature, meshes.group);
  const camera = new three.PerspectiveCamera(10, 1, 0.1, 100);
  camera.position.set(0, 1.6, 3);
  const draw = () => {
    scene.updateMatrixWorld();
    camera.updateMatrixWorld();
    meshes.prepare(camera);
  };
  const named = (name) => meshes.group.children.find((mesh) => mesh.name === name);
  /** Where a point of a part is in the world. */
  const point = (name, index) => {
    const mesh = named(name);
    const at = mesh.getVertexPosition(index, new three.Vector3()).applyMatrix4(mesh.matrixWorld);
    return at.toArray().map((value) => Math.round(value * 1e4) / 1e4 + 0);
  };
  return { armature, hips, head, hand, skeleton, parts, meshes, draw, named, point };
}

test('the armature keeps what its meshes measured', { skip }, () => {
  const { armature } = person();
  const box = new three.Box3().setFromObject(armature);
  assert.deepEqual(box.min.toArray(), [0, 0, 0]);
  assert.ok(Math.abs(box.max.y - 1.7) < 1e-6);
});

test('a part that follows one bone is drawn where its skin would have been', { skip }, () => {
  const [plain, spared] = [person(), person()];
  spared.meshes.enterLowPower();
  for (const { hips, head, draw, parts } of [plain, spared]) {
    head.rotation.set(0.3, 0.2, 0.1);
    hips.position.set(0.1, 0.2, 0.3);
    parts[0].morphTargetInfluences[1] = 0.5; // TalkingHead holds on to these
    draw();
  }
  for (const name of ['face', 'shoes', 'neck']) {
    for (const index of [0, 1, 2]) assert.deepEqual(spared.point(name, index), plain.point(name, index));
  }
  assert.equal(spared.named('face').isSkinnedMesh, undefined);
  assert.equal(spared.named('neck').isSkinnedMesh, true);
  assert.deepEqual(Object.keys(spared.named('face').geometry.attributes), ['position', 'normal']);
});

test('only what the camera sees is drawn, and a hand as soon as it is raised', { skip }, () => {
  const { hand, draw, named, meshes } = person();
  draw();
  assert.ok(named('hands').visible);
  meshes.enterLowPower();
  draw();
  assert.ok(!named('hands').visible);
  assert.ok(named('neck').visible && named('face').visible);
  hand.position.y = 1.55;
  draw();
  assert.ok(named('hands').visible);
  hand.position.y = 0.6;
  draw();
  assert.ok(!named('hands').visible);
});

test('a part is drawn when the picture lies between its ends', { skip }, () => {
  const { hand, hips, draw, named, meshes } = person();
  meshes.enterLowPower();
  hips.position.y = -2;
  hand.position.y = 6;
  draw();
  assert.ok(named('hands').visible);
});

test('triangles are thinned out once, and not of somebody who has left', { skip: skip || thinning }, async () => {
  const round = (meshes) => {
    meshes.group.children[0].geometry.copy(new three.SphereGeometry(0.1, 40, 30));
    return meshes.group.children[0].geometry;
  };
  const [here, gone] = [person().meshes, person().meshes];
  const [seen, left] = [round(here), round(gone)];
  const all = seen.index.count;
  await here.simplify(0.5);
  const some = seen.index.count;
  assert.ok(some < 0.6 * all, `${some} of ${all}`);
  await here.simplify(0.5);
  assert.equal(seen.index.count, some);
  const thinning = gone.simplify(0.5);
  gone.dispose();
  await thinning;
  assert.equal(left.index.count, all);
});

test('being spared a second time changes nothing', { skip }, () => {
  const { meshes, draw, point } = person();
  meshes.enterLowPower();
  draw();
  const before = point('face', 1);
  meshes.enterLowPower();
  draw();
  assert.deepEqual(point('face', 1), before);
  assert.equal(meshes.group.children.length, 4);
});

for (const spared of [false, true]) {
  test(`whoever leaves gives everything back, ${spared ? 'spared' : 'as they came'}`, { skip }, () => {
    const { meshes, parts, skeleton, draw } = person();
    const disposed = new Set();
    const all = parts.flatMap(({ geometry, material }) => [geometry, material, material.map]);
    for (const one of all) one.addEventListener('dispose', () => disposed.add(one));
    skeleton.computeBoneTexture();
    if (spared) meshes.enterLowPower();
    draw();
    meshes.dispose();
    assert.equal(disposed.size, all.length);
    assert.equal(skeleton.boneTexture, null);
  });
}
