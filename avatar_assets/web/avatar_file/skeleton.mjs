// Skeleton: finds a file's bones under whatever name, analyses their pose, and retargets them to Mixamo's axes without moving the body.

import { Euler, Matrix4, Quaternion, Vector3 } from 'three';
import SPEC from './spec.json' with { type: 'json' };

const SIDES = { Left: 1, Right: -1 };
const RADIANS = Math.PI / 180;
/** Lengths below this have no direction. */
const EPSILON_M = 1e-6;

/** Names with `#` stand for both sides. */
export const bothSides = (names) =>
  names.flatMap((name) => (name.includes('#') ? Object.keys(SIDES).map((side) => name.replace('#', side)) : [name]));

/** @type {Map<string, {parent: string | null, to: string | null, axes: Quaternion, offset: Vector3}>} parents before children */
export const BONES = new Map();
for (const [pattern, { parent, to, axes, offset }] of Object.entries(SPEC.bones)) {
  for (const name of bothSides([pattern])) {
    const side = name.startsWith('Left') ? 'Left' : 'Right';
    const sign = pattern.includes('#') ? SIDES[side] : 1;
    BONES.set(name, {
      parent: parent?.replace('#', side) ?? null,
      to: to?.replace('#', side) ?? null,
      axes: new Quaternion().setFromEuler(new Euler(axes[0] * RADIANS, sign * axes[1] * RADIANS, sign * axes[2] * RADIANS)),
      offset: new Vector3(sign * offset[0], offset[1], offset[2]),
    });
  }
}

/** A name as small words, its side apart: `J_Bip_L_UpperArm` is `["upperarm", "Left"]`, `左腕` `["腕", "Left"]`. */
export function normalisedName(called) {
  const name = called
    .normalize('NFKC')
    .replace(/^左/, 'left_')
    .replace(/^右/, 'right_')
    .replace(/^(left|right)(?=[a-z])/, '$1_');
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word && !SPEC.rigPrefixes.includes(word.replace(/(?<=mixamorig)\d+$/, '')));
  const side = words.some((word) => ['left', 'l'].includes(word))
    ? 'Left'
    : words.some((word) => ['right', 'r'].includes(word))
      ? 'Right'
      : '';
  return [words.filter((word) => !['left', 'right', 'l', 'r'].includes(word)).join(''), side];
}

/** What the names of most joints begin with, though it is no part of theirs: `Ann:`, `QuickRigCharacter_`; else nothing. */
function commonPrefix(names) {
  const counts = new Map();
  for (const name of names) {
    const [prefix] = name.match(/^[^:_|.]{2,}[:_|]/) ?? [];
    if (prefix && !/^(left|right)/i.test(prefix)) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  const [prefix, count] = [...counts].sort((one, other) => other[1] - one[1])[0] ?? ['', 0];
  return count > 0.6 * names.length ? prefix : '';
}

const BY_NORMALISED_NAME = new Map();
for (const [pattern, others] of Object.entries(SPEC.boneAliases))
  for (const name of bothSides([pattern])) {
    const side = pattern.includes('#') ? name.slice(0, name.length - pattern.length + 1) : '';
    for (const called of [normalisedName(name)[0], ...others]) BY_NORMALISED_NAME.set(`${called} ${side}`, name);
  }

/** @returns {Map<string, number>} bone → node: the right name first, then another, joints before others, meshes never */
export function findBones({ nodes, skins }) {
  const joints = new Set(skins.flatMap((skin) => skin.joints));
  const candidates = nodes
    .map((_, index) => index)
    .filter((index) => nodes[index].mesh === undefined && typeof nodes[index].name === 'string');
  const order = [...candidates.filter((index) => joints.has(index)), ...candidates.filter((index) => !joints.has(index))];
  const found = new Map();
  for (const index of order) if (BONES.has(nodes[index].name) && !found.has(nodes[index].name)) found.set(nodes[index].name, index);
  const taken = new Set(found.values());
  const prefix = commonPrefix(order.filter((index) => joints.has(index)).map((index) => nodes[index].name));
  const plain = (index) => (nodes[index].name.startsWith(prefix) ? nodes[index].name.slice(prefix.length) : nodes[index].name);
  const names = new Map(order.map((index) => [index, normalisedName(plain(index)).join(' ')]));
  const take = (index, bone) => {
    if (taken.has(index) || !bone || found.has(bone)) return;
    found.set(bone, index);
    taken.add(index);
  };
  const known = [...names.values()].map((name) => name.split(' ')[0]);
  for (const { bones } of SPEC.rigs.filter(({ when }) => when.every((name) => known.includes(name))))
    for (const [pattern, called] of Object.entries(bones))
      for (const bone of bothSides([pattern])) {
        const side = pattern.includes('#') ? bone.slice(0, bone.length - pattern.length + 1) : '';
        const index = order.find((candidate) => names.get(candidate) === `${called} ${side}`);
        if (index !== undefined) take(index, bone);
      }
  for (const index of order) take(index, BY_NORMALISED_NAME.get(names.get(index)));
  for (const index of order) take(index, BY_NORMALISED_NAME.get(normalisedName(plain(index).replace(/[._]\d+$/, '')).join(' ')));
  return new Map([...BONES.keys()].filter((name) => found.has(name)).map((name) => [name, found.get(name)]));
}

/** The parent of every node, or null. */
export function parentIndices(nodes) {
  const parents = nodes.map(() => null);
  nodes.forEach(({ children = [] }, index) => children.forEach((child) => (parents[child] = index)));
  return parents;
}

/** Where a node stands in its parent's axes. */
export function localMatrix({ matrix, translation = [0, 0, 0], rotation = [0, 0, 0, 1], scale = [1, 1, 1] }) {
  if (matrix) return new Matrix4().fromArray(matrix);
  return new Matrix4().compose(new Vector3(...translation), new Quaternion(...rotation).normalize(), new Vector3(...scale));
}

/** Where every node stands in the scene. @returns {Matrix4[]} */
export function worldMatrices(nodes) {
  const worlds = nodes.map(() => null);
  const parents = parentIndices(nodes);
  const world = (index) => {
    if (worlds[index]) return worlds[index];
    const local = localMatrix(nodes[index]);
    return (worlds[index] = parents[index] === null ? local : world(parents[index]).clone().multiply(local));
  };
  nodes.forEach((_, index) => world(index));
  return worlds;
}

const translationOf = (matrix) => new Vector3().setFromMatrixPosition(matrix);
const rotationOf = (matrix) => new Quaternion().setFromRotationMatrix(new Matrix4().extractRotation(matrix));

/**
 * Analyses where a skeleton differs from the spec: stature, stance, root, axes, order, missing bones.
 *
 * @param {object} json of a file that was found sound
 * @param {Map<string, number>} found bone → node; has at least the spec's required bones
 * @returns {SkeletonAnalysis}
 *
 * @typedef {object} SkeletonAnalysis
 * @property {Matrix4[]} worlds every node's world matrix
 * @property {Quaternion} uprighting the rotation that makes the person stand upright and look along +Z; none where it nearly does
 * @property {number} scale to the spec's stature
 * @property {number} length from hips to head, m
 * @property {number} height of the hips, m
 * @property {boolean} standing whether it nearly stands upright and looks along +Z
 * @property {boolean} size whether length or height is not the spec's
 * @property {boolean} root whether something above the hips moves, turns or scales the skeleton
 * @property {string[]} axes bones with other axes than Mixamo's
 * @property {string[]} order bones that hang on another bone than in the spec
 * @property {string[]} missing bones of the spec
 */
export function analyseSkeleton(json, found) {
  const { nodes } = json;
  const worlds = worldMatrices(nodes);
  const at = (name) => translationOf(worlds[found.get(name)]);
  const upright = uprightRotation(found, at);
  const length = at('Head').distanceTo(at('Hips'));
  const height = at('Hips').y;
  const { hipsToHead, hipsHeight, sizeTolerance, standingTolerance, rootTolerance, axesTolerance } = SPEC;
  const standing = 2 * Math.acos(Math.min(1, Math.abs(upright.w))) <= standingTolerance * RADIANS;
  const uprighting = standing ? new Quaternion() : upright.clone().invert();
  const parents = parentIndices(nodes);
  const off = (value, usual) => Math.abs(value / usual - 1) > sizeTolerance;
  const above = parents[found.get('Hips')];
  const root = above === null ? new Matrix4() : worlds[above];
  const unscaled = [...found.values()].every((index) =>
    new Vector3()
      .setFromMatrixScale(worlds[index])
      .subScalar(1)
      .toArray()
      .every((x) => Math.abs(x) <= rootTolerance),
  );
  const wrongAxes = bothSides(SPEC.checkedAxes).filter((name) => {
    const { to } = BONES.get(name);
    if (!found.has(name) || !found.has(to)) return false;
    const direction = at(to).sub(at(name)).applyQuaternion(uprighting);
    if (direction.length() < EPSILON_M) return false;
    const current = uprighting.clone().multiply(rotationOf(worlds[found.get(name)]));
    return current.angleTo(axesAlong(name, direction)) > axesTolerance * RADIANS;
  });
  return {
    worlds,
    uprighting,
    scale: length < EPSILON_M ? 1 : hipsToHead / length,
    length,
    height,
    standing,
    size: off(length, hipsToHead) || off(height, hipsHeight),
    root: !unscaled || root.elements.some((value, index) => Math.abs(value - (index % 5 ? 0 : 1)) > rootTolerance),
    axes: wrongAxes,
    order: [...found.keys()].filter((name) => nearestBoneAbove(name, found, parents) !== specParent(name, found)),
    missing: [...BONES.keys()].filter((name) => !found.has(name)),
  };
}

/** The rotation of a person who should look along +Z with the head up. */
function uprightRotation(found, at) {
  const up = at('Head').sub(at('Hips')).normalize();
  let side = new Vector3(1, 0, 0);
  for (const name of ['UpLeg', 'Arm', 'Shoulder', 'Eye']) {
    if (!found.has(`Left${name}`) || !found.has(`Right${name}`)) continue;
    const across = at(`Left${name}`).sub(at(`Right${name}`));
    if (across.length() < EPSILON_M) continue;
    side = across;
    break;
  }
  side.addScaledVector(up, -side.dot(up)).normalize();
  return new Quaternion().setFromRotationMatrix(new Matrix4().makeBasis(side, up, side.clone().cross(up)));
}

/** Mixamo's axes of a bone, turned as little as possible so that +Y runs along `direction`. */
function axesAlong(name, direction) {
  const { axes } = BONES.get(name);
  const usual = new Vector3(0, 1, 0).applyQuaternion(axes);
  return new Quaternion().setFromUnitVectors(usual, direction.clone().normalize()).multiply(axes);
}

/** The nearest ancestor of a bone that is a bone itself, in the file. */
function nearestBoneAbove(name, found, parents) {
  const names = new Map([...found].map(([bone, index]) => [index, bone]));
  for (let index = parents[found.get(name)]; index !== null; index = parents[index]) if (names.has(index)) return names.get(index);
  return null;
}

/** The same in the spec. */
function specParent(name, found) {
  let { parent } = BONES.get(name);
  while (parent && !found.has(parent)) ({ parent } = BONES.get(parent));
  return parent;
}

/**
 * Retargets the skeleton: every bone of the spec with Mixamo's axes, each where the file has it.
 *
 * @param {Map<string, number>} found
 * @param {SkeletonAnalysis} analysis
 * @returns {{bodyTransform: Matrix4, bones: Map<string, Matrix4>}} how the body as a whole is scaled, rotated and moved, and then every bone's place
 */
export function retarget(found, { worlds, uprighting, scale, size }) {
  const bodyTransform = new Matrix4().compose(new Vector3(), uprighting, new Vector3().setScalar(size ? scale : 1));
  const hips = translationOf(worlds[found.get('Hips')]).applyMatrix4(bodyTransform);
  bodyTransform.premultiply(new Matrix4().makeTranslation(-hips.x, SPEC.hipsHeight - hips.y, -hips.z));
  const known = new Map([...found].map(([name, index]) => [name, translationOf(worlds[index]).applyMatrix4(bodyTransform)]));
  const bones = new Map();
  for (const [name, { parent, to, offset }] of BONES) {
    const above = bones.get(parent);
    const place = known.get(name) ?? midpoint(translationOf(above), nextKnown(to, known)) ?? offset.clone().applyMatrix4(above);
    const direction = known.has(to) ? known.get(to).clone().sub(place) : new Vector3();
    let axes = BONES.get(name).axes.clone();
    if (parent && parent !== 'Head' && name !== 'Head')
      axes =
        direction.length() > EPSILON_M
          ? axesAlong(name, direction)
          : rotationOf(above).multiply(BONES.get(parent).axes.clone().invert()).multiply(axes);
    bones.set(name, new Matrix4().compose(place, axes, new Vector3(1, 1, 1)));
  }
  return { bodyTransform, bones };
}

const midpoint = (one, other) => (other ? one.clone().lerp(other, 0.5) : null);

function nextKnown(to, known) {
  while (to && !known.has(to)) ({ to } = BONES.get(to));
  return known.get(to);
}
