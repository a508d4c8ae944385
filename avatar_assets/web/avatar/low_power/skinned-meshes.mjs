// Skinned meshes of an avatar whose bones TalkingHead moves, and their low-power mode: what a processor that draws is spared.

import { Box3, BufferGeometry, Group, Matrix4, Mesh } from 'three';
import { MorphTargets } from './morphs.mjs';
import { Culling } from './culling.mjs';

export class SkinnedMeshes {
  /** To be put into the scene. */
  group = new Group();
  #rigid = []; // parts that follow one bone: {mesh, bone, offset}
  #morphs = null;
  #culling = null;
  #simplified = false;
  #gone = false;

  /** @param {import('three').Object3D} armature loses its skinned meshes and keeps their measure, by which TalkingHead balances the hips */
  constructor(armature) {
    armature.updateWorldMatrix(true, true);
    const measure = new Mesh(new BufferGeometry());
    measure.geometry.boundingBox = new Box3().setFromObject(armature).applyMatrix4(armature.matrixWorld.clone().invert());
    measure.visible = false;
    const skinned = [];
    armature.traverse((part) => part.isSkinnedMesh && !part.children.length && skinned.push(part));
    for (const mesh of skinned) this.group.attach(mesh);
    armature.add(measure);
  }

  /** Whether low-power mode is on. */
  get lowPower() {
    return this.#culling !== null;
  }

  /** From now on shapes are added up here, parts that follow one bone are not bent, and what the camera does not see is not drawn. */
  enterLowPower() {
    if (this.lowPower) return;
    for (const mesh of [...this.group.children]) {
      const joint = onlyJointOf(mesh);
      if (joint !== null) this.#stiffen(mesh, joint);
    }
    this.#morphs = new MorphTargets(this.group);
    this.#culling = new Culling(this.group.children.filter(({ isSkinnedMesh }) => isSkinnedMesh));
  }

  /**
   * Fewer triangles, one part after the other, when there is time: the person stands there already.
   *
   * @param {number} share of the triangles that should be left
   */
  async simplify(share) {
    if (this.#simplified) return;
    this.#simplified = true;
    const { simplified } = await import('./simplify.mjs');
    for (const geometry of new Set(this.group.children.map((mesh) => mesh.geometry))) {
      await idle();
      const index = !this.#gone && (await simplified(geometry, share, this.#morphs?.reach(geometry)));
      if (this.#gone) return;
      if (index) geometry.setIndex(index);
    }
  }

  /** The pictures on all parts. @returns {Set<import('three').Texture>} */
  textures() {
    const materials = this.group.children.flatMap(({ material }) => material);
    return new Set(materials.flatMap((material) => Object.values(material).filter((value) => value?.isTexture)));
  }

  /**
   * Before each drawing, when all bones are in their places.
   *
   * @param {import('three').Camera} camera
   */
  prepare(camera) {
    if (!this.lowPower) return;
    for (const { mesh, bone, offset } of this.#rigid) mesh.matrixWorld.multiplyMatrices(bone.matrixWorld, offset);
    this.#morphs.apply();
    this.#culling.update(camera);
  }

  /** Gives the memory of the graphics card back. */
  dispose() {
    this.#gone = true;
    for (const texture of this.textures()) {
      texture.dispose();
      for (const picture of [texture.image, ...texture.mipmaps]) picture?.close?.();
    }
    for (const { geometry, material, skeleton } of this.group.children) {
      geometry.dispose();
      skeleton?.dispose();
      for (const one of [material].flat()) one.dispose();
    }
    for (const { skeleton } of this.#rigid) skeleton.dispose();
  }

  #stiffen(skinned, joint) {
    const { geometry, material, skeleton, bindMatrix } = skinned;
    const mesh = new Mesh(geometry, material);
    mesh.name = skinned.name;
    mesh.morphTargetInfluences = skinned.morphTargetInfluences; // TalkingHead writes into this very array
    mesh.morphTargetDictionary = skinned.morphTargetDictionary;
    mesh.frustumCulled = false;
    mesh.matrixAutoUpdate = mesh.matrixWorldAutoUpdate = false;
    geometry.deleteAttribute('skinIndex').deleteAttribute('skinWeight');
    this.group.remove(skinned).add(mesh);
    const offset = new Matrix4().multiplyMatrices(skeleton.boneInverses[joint], bindMatrix);
    this.#rigid.push({ mesh, bone: skeleton.bones[joint], offset, skeleton });
  }
}

/** Safari has no requestIdleCallback. */
const idle = () => new Promise((resolve) => (globalThis.requestIdleCallback ?? setTimeout)(resolve));

/** @returns {number | null} the index of the joint that moves every point, if it is one for all */
function onlyJointOf({ geometry: { attributes } }) {
  const { skinIndex, skinWeight } = attributes;
  let only = null;
  for (let point = 0; point < skinWeight.count; point++) {
    for (let slot = 0; slot < 4; slot++) {
      if (!skinWeight.getComponent(point, slot)) continue;
      const joint = skinIndex.getComponent(point, slot);
      if (only !== null && joint !== only) return null;
      only = joint;
    }
  }
  return only;
}
