// Morph targets, added up on the CPU for where a processor draws. The shader looks at every shape for every point, used or not;
// of the seventy-odd shapes of a face a handful is in use at any moment, and each of them moves a part of the points only.

import { BufferAttribute, DynamicDrawUsage, MathUtils } from 'three';

/** Less of a shape than this cannot be seen. */
const LEAST = 1e-4;

/** Takes the morph targets below an object out of the graphics card's hands; call `apply` before each drawing. */
export class MorphTargets {
  #meshes = [];

  /** @param {import('three').Object3D} root */
  constructor(root) {
    root.traverse((mesh) => mesh.isMesh && mesh.geometry.morphAttributes.position && this.#meshes.push(new MorphedMesh(mesh)));
  }

  /** Moves the points to where the meshes' `morphTargetInfluences` want them. */
  apply() {
    for (const mesh of this.#meshes) mesh.apply();
  }

  /**
   * How far shapes move the points of a geometry, in the unit of its positions.
   *
   * @param {import('three').BufferGeometry} geometry
   * @returns {Float32Array | null} the longest way of each point; null where no shape moves any
   */
  reach(geometry) {
    return this.#meshes.find((mesh) => mesh.geometry === geometry)?.reach() ?? null;
  }
}

class MorphedMesh {
  geometry;
  #influences;
  #applied = null;
  #sums;

  constructor({ geometry, morphTargetInfluences }) {
    this.geometry = geometry;
    this.#influences = morphTargetInfluences;
    const { morphAttributes } = geometry;
    const names = ['position', 'normal'].filter((name) => morphAttributes[name]);
    this.#sums = names.map((name) => new Sum(geometry, name, morphAttributes[name]));
    geometry.morphAttributes = {}; // or the shader would add them a second time
  }

  apply() {
    const now = this.#influences;
    if (this.#applied?.every((weight, index) => weight === now[index])) return;
    this.#applied = Float64Array.from(now);
    for (const sum of this.#sums) sum.of(now);
  }

  reach() {
    return this.#sums[0].reach();
  }
}

/** One attribute: where its points are at rest, and which of them each shape moves, by how much. */
class Sum {
  #rest;
  #attribute;
  #shapes;

  constructor(geometry, name, targets) {
    const attribute = geometry.attributes[name];
    this.#rest = new Float32Array(3 * attribute.count);
    for (let at = 0; at < attribute.count; at++) {
      this.#rest[3 * at] = attribute.getX(at);
      this.#rest[3 * at + 1] = attribute.getY(at);
      this.#rest[3 * at + 2] = attribute.getZ(at);
    }
    this.#attribute = new BufferAttribute(this.#rest.slice(), 3).setUsage(DynamicDrawUsage);
    this.#shapes = targets.map(moved);
    geometry.setAttribute(name, this.#attribute);
  }

  of(weights) {
    const out = this.#attribute.array;
    out.set(this.#rest);
    this.#shapes.forEach(({ points, by }, shape) => {
      const weight = weights[shape];
      if (Math.abs(weight) < LEAST) return;
      for (let at = 0; at < points.length; at++) {
        const point = points[at];
        out[point] += weight * by[3 * at];
        out[point + 1] += weight * by[3 * at + 1];
        out[point + 2] += weight * by[3 * at + 2];
      }
    });
    this.#attribute.needsUpdate = true;
  }

  reach() {
    const ways = new Float32Array(this.#attribute.count);
    for (const { points, by } of this.#shapes) {
      points.forEach((point, at) => (ways[point / 3] = Math.max(ways[point / 3], Math.hypot(by[3 * at], by[3 * at + 1], by[3 * at + 2]))));
    }
    return ways;
  }
}

/** What a shape moves: the first index of each point, and three numbers for each; a file's numbers are looked at as they are packed. */
function moved(attribute) {
  const { array, stride = 3 } = attribute.data ?? attribute;
  const { count, offset = 0, normalized } = attribute;
  const points = [];
  for (let at = 0, from = offset; at < count; at++, from += stride) if (array[from] || array[from + 1] || array[from + 2]) points.push(at);
  const unit = normalized ? MathUtils.denormalize(1, array) : 1;
  const by = new Float32Array(3 * points.length);
  points.forEach((point, index) => {
    const from = offset + stride * point;
    for (let axis = 0; axis < 3; axis++) by[3 * index + axis] = array[from + axis] * unit;
  });
  return { points: Uint32Array.from(points, (point) => 3 * point), by };
}
