// Culling: parts of a body outside the camera's frustum are not drawn: legs in a portrait, hands until they are raised.

import { Box3, Frustum, Matrix4, Sphere, Vector3 } from 'three';

/** What the joints of a part carry, each in its own space: a bent point lies between the places where its joints would put it. */
export class Culling {
  #parts;
  #frustum = new Frustum();
  #view = new Matrix4();

  /** @param {import('three').SkinnedMesh[]} meshes those whose points shapes move, and those that are hidden already, are left alone */
  constructor(meshes) {
    this.#parts = meshes
      .filter(({ visible, morphTargetInfluences }) => visible && !morphTargetInfluences?.length)
      .map((mesh) => ({ mesh, loads: loadsOf(mesh) }));
  }

  /**
   * Decides what will be drawn.
   *
   * @param {import('three').Camera} camera its matrices, and those of the bones, are up to date
   */
  update(camera) {
    this.#frustum.setFromProjectionMatrix(this.#view.multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse));
    for (const { mesh, loads } of this.#parts) mesh.visible = this.#sees(loads);
  }

  /** A part is certainly outside when all that its joints carry lies beyond one and the same side of the picture. */
  #sees(loads) {
    for (const { bone, rest, now } of loads) now.copy(rest).applyMatrix4(bone.matrixWorld);
    return !this.#frustum.planes.some((plane) => loads.every(({ now }) => plane.distanceToPoint(now.center) < -now.radius));
  }
}

/** @returns {{bone: import('three').Bone, rest: Sphere, now: Sphere}[]} a sphere around the points of each joint, in the joint's space */
function loadsOf({ geometry, skeleton, bindMatrix }) {
  const { position, skinIndex, skinWeight } = geometry.attributes;
  const toJoint = skeleton.boneInverses.map((inverse) => new Matrix4().multiplyMatrices(inverse, bindMatrix));
  const boxes = new Map();
  const point = new Vector3();
  for (let at = 0; at < position.count; at++) {
    for (let slot = 0; slot < 4; slot++) {
      if (!skinWeight.getComponent(at, slot)) continue;
      const joint = skinIndex.getComponent(at, slot);
      if (!boxes.has(joint)) boxes.set(joint, new Box3());
      boxes.get(joint).expandByPoint(point.fromBufferAttribute(position, at).applyMatrix4(toJoint[joint]));
    }
  }
  return [...boxes].map(([joint, box]) => ({ bone: skeleton.bones[joint], rest: box.getBoundingSphere(new Sphere()), now: new Sphere() }));
}
