// Morphs: the shapes of a face added up here, for where a processor draws. The shader looks at every shape for every point, used or not;
// of the seventy-odd shapes of a face a handful is in use at any moment, and each of them moves a part of the points only.

import { BufferAttribute, DynamicDrawUsage } from 'three';

/** Less of a shape than this cannot be seen. */
const LEAST = 1e-4;

/** Takes the morph targets below an object out of the graphics card's hands; call `apply` before each drawing. */
export class Morphs {
  #meshes = [];

  /** @param {import('three').Object3D} root */
  constructor(root) {
    root.traverse((mesh) => mesh.isMesh && mesh.geometry.morphAttributes.position && this.#meshes.push(new MorphedMesh(mesh)));
  }

  /** Moves the points to where the meshes' `morphTargetInfluences` want them. */
  apply() {
    for (const mesh of this.#meshes) mesh.apply();
  }
}

class MorphedMesh {
  #influences;
  #applied = null;
  #sums;

  constructor({ geometry, morphTargetInfluences }) {
    this.#influences = morphTargetInfluences;
    const { morphAttributes } = geometry;
    this.#sums = ['position', 'normal'].filter((name) => morphAttributes[name]).map((name) => new Sum(geometry, name, morphAttributes[name]));
    geometry.morphAttributes = {}; // or the shader would add them a second time
  }

  apply() {
    const now = this.#influences;
    if (this.#applied?.every((weight, index) => weight === now[index])) return;
    this.#applied = Float64Array.from(now);
    for (const sum of this.#sums) sum.of(now);
  }
}

/** One attribute: where its points are at rest, and which of them each shape moves, by how much. */
class Sum {
  #rest;
  #attribute;
  #shapes;

  constructor(geometry, name, targets) {
    this.#rest = plain(geometry.attributes[name]);
    this.#attribute = new BufferAttribute(this.#rest.slice(), 3).setUsage(DynamicDrawUsage);
    this.#shapes = targets.map((target) => moved(plain(target)));
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
}

/** An attribute's numbers as they are meant, however the file packs them. @returns {Float32Array} */
function plain(attribute) {
  const values = new Float32Array(3 * attribute.count);
  for (let at = 0; at < attribute.count; at++) values.set([attribute.getX(at), attribute.getY(at), attribute.getZ(at)], 3 * at);
  return values;
}

/** What a shape moves: the first index of each point, and three numbers for each. */
function moved(values) {
  const points = [];
  for (let at = 0; at < values.length; at += 3) if (values[at] || values[at + 1] || values[at + 2]) points.push(at);
  const by = new Float32Array(3 * points.length);
  points.forEach((point, index) => by.set(values.subarray(point, point + 3), 3 * index));
  return { points: Uint32Array.from(points), by };
}
