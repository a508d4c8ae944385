// Thin: fewer triangles, the same points; what shapes move far keeps all of its own, and edges of colour stay where they are.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';

const MODULES = new URL('../avatar_assets/node_modules/', import.meta.url);
const there = ['three', 'meshoptimizer'].every((name) => existsSync(new URL(name, MODULES)));
const skip = there ? false : 'the npm modules are missing: npm ci in avatar_assets';
const three = skip ? null : await import(new URL('three/build/three.module.js', MODULES).href);
const { simplified } = skip ? {} : await import('../avatar_assets/web/avatar/low_power/simplify.mjs');

/** The triangles of an index, each as its three points. */
const triangles = (index) => Array.from({ length: index.count / 3 }, (_, at) => [0, 1, 2].map((corner) => index.getX(3 * at + corner)));
const sphere = () => new three.SphereGeometry(0.1, 40, 30);

test('a smooth surface gets by with half of its triangles, between points it had', { skip }, async () => {
  const geometry = sphere();
  const index = await simplified(geometry, 0.5);
  assert.ok(index.count <= geometry.index.count * 0.55, `${index.count} of ${geometry.index.count}`);
  assert.ok(Math.max(...index.array) < geometry.attributes.position.count);
  geometry.setIndex(index);
  const { position } = geometry.attributes;
  const middle = new three.Vector3();
  for (const corners of triangles(index)) {
    middle.set(0, 0, 0);
    for (const corner of corners) middle.add(new three.Vector3().fromBufferAttribute(position, corner).divideScalar(3));
    assert.ok(middle.length() > 0.1 * 0.97, `a dent: ${middle.length()}`);
  }
});

test('every triangle stays where shapes move points far, and not where they hardly do', { skip }, async () => {
  const geometry = sphere();
  const { position } = geometry.attributes;
  const reach = Float32Array.from({ length: position.count }, (_, at) => (position.getZ(at) > 0.05 ? 0.02 : 0.0005));
  const index = await simplified(geometry, 0.4, reach);
  const far = (corners) => corners.every((corner) => reach[corner] > 0.01);
  const key = (corners) => corners.toSorted((a, b) => a - b).join();
  const left = new Set(triangles(index).map(key));
  const lips = triangles(geometry.index).filter(far);
  assert.ok(lips.length > 100);
  assert.ok(lips.every((corners) => left.has(key(corners))));
  const elsewhere = (one) => triangles(one).filter((corners) => !far(corners)).length;
  assert.ok(elsewhere(index) < 0.6 * elsewhere(geometry.index));
});

test('an edge between two colours stays sharp', { skip }, async () => {
  const geometry = new three.PlaneGeometry(1, 1, 24, 24);
  const { position } = geometry.attributes;
  const dark = (point) => position.getX(point) > 1e-6;
  const colours = Array.from({ length: position.count }, (_, at) => Array(3).fill(dark(at) ? 0 : 255)).flat();
  geometry.setAttribute('color', new three.Uint8BufferAttribute(colours, 3, true));
  geometry.deleteAttribute('uv');
  const index = await simplified(geometry, 0.2);
  assert.ok(index.count < geometry.index.count / 2);
  for (const corners of triangles(index)) {
    if (new Set(corners.map(dark)).size === 1) continue;
    const across = corners.map((corner) => position.getX(corner));
    assert.ok(Math.max(...across) - Math.min(...across) < 0.05, `a blurred edge: ${across}`);
  }
});

test('numbers are read as a file packs them', { skip }, async () => {
  const [plain, packed] = [sphere(), sphere()];
  const { array } = packed.attributes.position;
  packed.setAttribute('position', new three.BufferAttribute(Int16Array.from(array, (value) => Math.round((value / 0.1) * 32767)), 3, true));
  const [one, other] = [await simplified(plain, 0.5), await simplified(packed, 0.5)];
  assert.ok(Math.abs(one.count - other.count) < 0.05 * one.count, `${one.count} and ${other.count}`);
});

test('small parts, and parts without an index, are left alone', { skip }, async () => {
  assert.equal(await simplified(new three.SphereGeometry(0.1, 8, 8), 0.5), null);
  assert.equal(await simplified(sphere().toNonIndexed(), 0.5), null);
});

test('a part that cannot lose a triangle keeps its index', { skip }, async () => {
  const geometry = sphere();
  assert.equal(await simplified(geometry, 0.5, new Float32Array(geometry.attributes.position.count).fill(1)), null);
});
