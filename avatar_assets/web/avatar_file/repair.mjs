// Avatar repair: rewrites a file so that TalkingHead can animate it: retargeted bones, composed visemes, empty shapes for what is missing.

import { Matrix4, Quaternion, Vector3 } from 'three';
import { morphTargetNames } from './inspect.mjs';
import SPEC from './spec.json' with { type: 'json' };
import { concatBytes, readAccessor, writeGlb } from './glb.mjs';
import { BONES, localMatrix, parentIndices, retarget } from './skeleton.mjs';

const FLOAT = 5126;
/** The mesh of one invisible point that carries the shapes which the file lacks. */
const PLACEHOLDER = 'StandIn';
const DIRECTIONS = ['POSITION', 'NORMAL'];

/**
 * Repairs a file that was inspected.
 *
 * @param {{json: object, bin: Uint8Array}} file from `inspectAvatar`
 * @param {import('./inspect.mjs').RepairPlan} plan from `inspectAvatar`
 * @returns {Uint8Array} the file as the stage shows it
 */
export function repairAvatar({ json: original, bin }, plan) {
  const json = structuredClone(original);
  const added = new BufferAppender(json, bin);
  renameParts(json, plan);
  keepOneScene(json);
  const { skeleton } = plan;
  const { missing, root, size, standing, axes, order } = skeleton;
  if (missing.length || root || size || !standing || axes.length || order.length) retargetSkeleton(json, plan, added, original, bin);
  const made = plan.visemeSource === 'none' ? new Set() : addVisemes(json, plan, added, bin);
  addPlaceholderMesh(json, [...plan.placeholders, ...plan.missingVisemes.filter((name) => !made.has(name))], added);
  return writeGlb(json, added.bytes());
}

/** Adds accessors with new data to a file. */
class BufferAppender {
  #json;
  #parts;
  #size;

  constructor(json, bin) {
    this.#json = json;
    this.#parts = [bin];
    this.#size = bin.length;
  }

  /** @param {Float32Array | null} numbers null: all are zero  @returns {number} the accessor's index */
  accessor(type, width, count, numbers) {
    const one = { componentType: FLOAT, count, type };
    if (numbers) {
      const rows = Array.from({ length: width }, (_, column) => numbers.filter((_, at) => at % width === column));
      if (type === 'VEC3') Object.assign(one, { min: rows.map(minOf), max: rows.map(maxOf) });
      one.bufferView = this.#json.bufferViews.push({ buffer: 0, byteOffset: this.#size, byteLength: numbers.byteLength }) - 1;
      this.#parts.push(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      this.#size += numbers.byteLength;
    } else if (type === 'VEC3') Object.assign(one, { min: [0, 0, 0], max: [0, 0, 0] });
    return this.#json.accessors.push(one) - 1;
  }

  bytes() {
    return concatBytes(this.#parts);
  }
}

const minOf = (numbers) => numbers.reduce((min, x) => Math.min(min, x), Infinity);
const maxOf = (numbers) => numbers.reduce((max, x) => Math.max(max, x), -Infinity);

/** Gives bones and shapes the spec's names, and other names to everything else that had one of them. */
function renameParts(json, { bones, shapeNames }) {
  const names = new Map([...bones].map(([name, index]) => [index, name]));
  json.nodes.forEach((node, index) => {
    if (names.has(index)) node.name = names.get(index);
    else if (BONES.has(node.name) || node.name === SPEC.root) node.name = `${node.name}_part`;
  });
  for (const mesh of json.meshes) {
    if (BONES.has(mesh.name) || mesh.name === SPEC.root) mesh.name = `${mesh.name}_mesh`;
    const found = morphTargetNames(mesh);
    if (found.length) mesh.extras = { targetNames: found.map((name) => shapeNames.get(name) ?? name) };
  }
}

/** Makes the scene itself the root that TalkingHead looks for. */
function keepOneScene(json) {
  json.scenes = [{ ...json.scenes[json.scene], name: SPEC.root }];
  json.scene = 0;
}

/** Puts every bone of the spec where the file has it, with Mixamo's axes, and rebinds skins, so that the body keeps its shape. */
function retargetSkeleton(json, { bones: found, skeleton }, added, original, bin) {
  const { bodyTransform, bones } = retarget(found, skeleton);
  const { nodes } = json;
  const parents = parentIndices(nodes);
  const number = new Map(found);
  for (const name of BONES.keys()) if (!number.has(name)) number.set(name, nodes.push({ name }) - 1);
  const isBone = new Set(number.values());
  const named = new Map([...number].map(([name, index]) => [index, name]));
  const newWorld = (index) => (named.has(index) ? bones.get(named.get(index)) : bodyTransform.clone().multiply(skeleton.worlds[index]));
  const roots = json.scenes[0].nodes.filter((index) => !isBone.has(index));
  for (const node of nodes) if (node.children) node.children = node.children.filter((child) => !isBone.has(child));
  parents.forEach((parent, index) => {
    if (isBone.has(index) || (parent !== null && !isBone.has(parent))) return;
    setTransform(
      nodes[index],
      parent === null
        ? bodyTransform.clone().multiply(localMatrix(nodes[index]))
        : newWorld(parent).clone().invert().multiply(newWorld(index)),
    );
  });
  for (const [name, { parent }] of BONES) {
    const node = nodes[number.get(name)];
    const above = parent === null ? new Matrix4() : bones.get(parent);
    setTransform(node, above.clone().invert().multiply(bones.get(name)));
    if (parent === null) roots.push(number.get(name));
    else (nodes[number.get(parent)].children ??= []).push(number.get(name));
  }
  for (const node of nodes) if (!node.children?.length) delete node.children;
  json.scenes[0].nodes = roots;
  json.animations = []; // made for the bones as they were
  for (const skin of json.skins) rebindSkin(skin, { bodyTransform, newWorld, worlds: skeleton.worlds }, added, { json: original, bin });
}

function setTransform(node, matrix) {
  const [translation, rotation, scale] = [new Vector3(), new Quaternion(), new Vector3()];
  matrix.decompose(translation, rotation, scale);
  delete node.matrix;
  Object.assign(node, { translation: translation.toArray(), rotation: rotation.normalize().toArray(), scale: scale.toArray() });
}

/** New inverse bind matrices: each joint moves the resting body as before, from its new place. */
function rebindSkin(skin, { bodyTransform, newWorld, worlds }, added, file) {
  const { joints, inverseBindMatrices } = skin;
  const before = inverseBindMatrices === undefined ? null : readAccessor(file, inverseBindMatrices);
  const binds = new Float32Array(16 * joints.length);
  joints.forEach((joint, at) => {
    const inverse = before ? new Matrix4().fromArray(before, 16 * at) : new Matrix4();
    binds.set(newWorld(joint).clone().invert().multiply(bodyTransform).multiply(worlds[joint]).multiply(inverse).elements, 16 * at);
  });
  skin.inverseBindMatrices = added.accessor('MAT4', 16, joints.length, binds);
  delete skin.skeleton;
}

/** Adds the missing visemes as weighted sums of what the file has. @returns {Set<string>} those that could be made */
function addVisemes(json, { visemeSource, missingVisemes, vowels }, added, bin) {
  const recipes = missingVisemes.map((name) => [name, visemeRecipe(name.slice('viseme_'.length), visemeSource, vowels)]);
  const made = new Set();
  for (const mesh of json.meshes) {
    const names = morphTargetNames(mesh);
    const fit = recipes.filter(([, recipe]) => names.some((name) => recipe.has(name)));
    if (!fit.length) continue;
    for (const primitive of mesh.primitives) {
      const { count } = json.accessors[primitive.attributes.POSITION];
      const parts = names.map((_, index) => readTarget({ json, bin }, primitive.targets?.[index] ?? {}));
      primitive.targets = (primitive.targets ?? []).concat(
        fit.map(([, recipe]) => {
          const weighted = names.flatMap((name, index) => (recipe.has(name) ? [[parts[index], recipe.get(name)]] : []));
          return Object.fromEntries(
            targetAttributes(primitive).map((kind) => [kind, added.accessor('VEC3', 3, count, weightedSum(weighted, kind, count))]),
          );
        }),
      );
    }
    mesh.extras = { targetNames: [...names, ...fit.map(([name]) => name)] };
    if (mesh.weights) mesh.weights = [...mesh.weights, ...fit.map(() => 0)];
    for (const [name] of fit) made.add(name);
  }
  return made;
}

/** The morph targets that a viseme is composed of. @returns {Map<string, number>} target name → weight */
function visemeRecipe(viseme, visemeSource, vowels) {
  if (visemeSource === 'arkit') return new Map(Object.entries(SPEC.arkitToViseme[viseme]));
  const parts = Object.entries(SPEC.vowelsToViseme[viseme]);
  return new Map(parts.filter(([vowel]) => vowels.has(vowel)).map(([vowel, weight]) => [vowels.get(vowel), weight]));
}

const targetAttributes = ({ targets = [] }) =>
  DIRECTIONS.filter((kind) => kind === 'POSITION' || targets.some((target) => target[kind] !== undefined));

/** A target's displacements, read when they are asked for and once only. */
function readTarget(file, target) {
  const read = new Map();
  return (kind) => {
    if (!read.has(kind)) read.set(kind, target[kind] === undefined ? null : readAccessor(file, target[kind]));
    return read.get(kind);
  };
}

function weightedSum(weighted, kind, count) {
  const sum = new Float32Array(3 * count);
  for (const [part, weight] of weighted) part(kind)?.forEach((x, at) => (sum[at] += weight * x));
  return sum;
}

/** Adds one invisible point with all the shapes that TalkingHead needs in every frame and the file lacks. */
function addPlaceholderMesh(json, names, added) {
  if (!names.length) return;
  const zeros = added.accessor('VEC3', 3, 3, null);
  const mesh = {
    name: PLACEHOLDER,
    primitives: [{ attributes: { POSITION: zeros }, targets: names.map(() => ({ POSITION: zeros })) }],
    extras: { targetNames: names },
  };
  json.scenes[0].nodes.push(json.nodes.push({ name: `${PLACEHOLDER}Node`, mesh: json.meshes.push(mesh) - 1 }) - 1);
}
