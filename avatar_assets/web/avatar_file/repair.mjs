// Mend: writes the file that TalkingHead can move from one that others made: bones named and turned, visemes summed up, empty shapes for what is missing.

import { Matrix4, Quaternion, Vector3 } from 'three';
import { targetNames } from './inspect.mjs';
import { CONTRACT } from './spec.mjs';
import { joined, numbersOf, writeGlb } from './glb.mjs';
import { BONES, localOf, parentsOf, straighten } from './skeleton.mjs';

const FLOAT = 5126;
/** The mesh of one point that carries the shapes nobody has. */
const STAND_IN = 'StandIn';
const DIRECTIONS = ['POSITION', 'NORMAL'];

/**
 * Mends a file that was checked.
 *
 * @param {{json: object, bin: Uint8Array}} file from `check`
 * @param {import('./inspect.mjs').Plan} plan from `check`
 * @returns {Uint8Array} the file as the stage shows it
 */
export function mend({ json: original, bin }, plan) {
  const json = structuredClone(original);
  const added = new Addition(json, bin);
  renameAll(json, plan);
  keepOneScene(json);
  const { rig } = plan;
  if (rig.missing.length || rig.root || rig.size || !rig.standing || rig.axes.length || rig.order.length) rejoin(json, plan, added, original, bin);
  const made = plan.source === 'none' ? new Set() : addVisemes(json, plan, added, bin);
  addStandIn(json, [...plan.stand, ...plan.visemes.filter((name) => !made.has(name))], added);
  return writeGlb(json, added.bytes());
}

/** Numbers that come to the data of a file. */
class Addition {
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
      if (type === 'VEC3') Object.assign(one, { min: rows.map(least), max: rows.map(most) });
      one.bufferView = this.#json.bufferViews.push({ buffer: 0, byteOffset: this.#size, byteLength: numbers.byteLength }) - 1;
      this.#parts.push(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      this.#size += numbers.byteLength;
    } else if (type === 'VEC3') Object.assign(one, { min: [0, 0, 0], max: [0, 0, 0] });
    return this.#json.accessors.push(one) - 1;
  }

  bytes() {
    return joined(this.#parts);
  }
}

const least = (numbers) => numbers.reduce((least, x) => Math.min(least, x), Infinity);
const most = (numbers) => numbers.reduce((most, x) => Math.max(most, x), -Infinity);

/** Bones get their names, everything else that has one of these loses it, shapes get theirs. */
function renameAll(json, { bones, shapes }) {
  const names = new Map([...bones].map(([name, index]) => [index, name]));
  json.nodes.forEach((node, index) => {
    if (names.has(index)) node.name = names.get(index);
    else if (BONES.has(node.name) || node.name === CONTRACT.root) node.name = `${node.name}_part`;
  });
  for (const mesh of json.meshes) {
    if (BONES.has(mesh.name) || mesh.name === CONTRACT.root) mesh.name = `${mesh.name}_mesh`;
    const found = targetNames(mesh);
    if (found.length) mesh.extras = { targetNames: found.map((name) => shapes.get(name) ?? name) };
  }
}

/** The scene itself is the root that TalkingHead looks for. */
function keepOneScene(json) {
  json.scenes = [{ ...json.scenes[json.scene], name: CONTRACT.root }];
  json.scene = 0;
}

/** Every bone of the contract stands where the file has it, with Mixamo's axes; skins are bound anew, so that the body keeps its shape. */
function rejoin(json, { bones: found, rig }, added, original, bin) {
  const { moved, bones } = straighten(found, rig);
  const { nodes } = json;
  const parents = parentsOf(nodes);
  const number = new Map(found);
  for (const name of BONES.keys()) if (!number.has(name)) number.set(name, nodes.push({ name }) - 1);
  const isBone = new Set(number.values());
  const named = new Map([...number].map(([name, index]) => [index, name]));
  const after = (index) => (named.has(index) ? bones.get(named.get(index)) : moved.clone().multiply(rig.worlds[index]));
  const roots = json.scenes[0].nodes.filter((index) => !isBone.has(index));
  for (const node of nodes) if (node.children) node.children = node.children.filter((child) => !isBone.has(child));
  parents.forEach((parent, index) => {
    if (isBone.has(index) || (parent !== null && !isBone.has(parent))) return;
    place(nodes[index], parent === null ? moved.clone().multiply(localOf(nodes[index])) : after(parent).clone().invert().multiply(after(index)));
  });
  for (const [name, { parent }] of BONES) {
    const node = nodes[number.get(name)];
    const above = parent === null ? new Matrix4() : bones.get(parent);
    place(node, above.clone().invert().multiply(bones.get(name)));
    if (parent === null) roots.push(number.get(name));
    else (nodes[number.get(parent)].children ??= []).push(number.get(name));
  }
  for (const node of nodes) if (!node.children?.length) delete node.children;
  json.scenes[0].nodes = roots;
  json.animations = []; // made for the bones as they were
  for (const skin of json.skins) bind(skin, { moved, after, worlds: rig.worlds }, added, { json: original, bin });
}

function place(node, matrix) {
  const [translation, rotation, scale] = [new Vector3(), new Quaternion(), new Vector3()];
  matrix.decompose(translation, rotation, scale);
  delete node.matrix;
  Object.assign(node, { translation: translation.toArray(), rotation: rotation.normalize().toArray(), scale: scale.toArray() });
}

/** What a joint did to the resting body before, it does again from its new place. */
function bind(skin, { moved, after, worlds }, added, file) {
  const { joints, inverseBindMatrices } = skin;
  const before = inverseBindMatrices === undefined ? null : numbersOf(file, inverseBindMatrices);
  const binds = new Float32Array(16 * joints.length);
  joints.forEach((joint, at) => {
    const inverse = before ? new Matrix4().fromArray(before, 16 * at) : new Matrix4();
    binds.set(after(joint).clone().invert().multiply(moved).multiply(worlds[joint]).multiply(inverse).elements, 16 * at);
  });
  skin.inverseBindMatrices = added.accessor('MAT4', 16, joints.length, binds);
  delete skin.skeleton;
}

/** Adds the missing visemes as weighted sums of what the file has. @returns {Set<string>} those that could be made */
function addVisemes(json, { source, visemes, vowels }, added, bin) {
  const recipes = visemes.map((name) => [name, recipeOf(name.slice('viseme_'.length), source, vowels)]);
  const made = new Set();
  for (const mesh of json.meshes) {
    const names = targetNames(mesh);
    const fit = recipes.filter(([, recipe]) => names.some((name) => recipe.has(name)));
    if (!fit.length) continue;
    for (const primitive of mesh.primitives) {
      const { count } = json.accessors[primitive.attributes.POSITION];
      const parts = names.map((_, index) => partOf({ json, bin }, primitive.targets?.[index] ?? {}));
      primitive.targets = (primitive.targets ?? []).concat(
        fit.map(([, recipe]) => {
          const weighted = names.flatMap((name, index) => (recipe.has(name) ? [[parts[index], recipe.get(name)]] : []));
          return Object.fromEntries(kindsOf(primitive).map((kind) => [kind, added.accessor('VEC3', 3, count, summed(weighted, kind, count))]));
        }),
      );
    }
    mesh.extras = { targetNames: [...names, ...fit.map(([name]) => name)] };
    if (mesh.weights) mesh.weights = [...mesh.weights, ...fit.map(() => 0)];
    for (const [name] of fit) made.add(name);
  }
  return made;
}

/** What a viseme is made of. @returns {Map<string, number>} target name → weight */
function recipeOf(viseme, source, vowels) {
  if (source === 'arkit') return new Map(Object.entries(CONTRACT.arkitToViseme[viseme]));
  const parts = Object.entries(CONTRACT.fiveToViseme[viseme]);
  return new Map(parts.filter(([vowel]) => vowels.has(vowel)).map(([vowel, weight]) => [vowels.get(vowel), weight]));
}

const kindsOf = ({ targets = [] }) => DIRECTIONS.filter((kind) => kind === 'POSITION' || targets.some((target) => target[kind] !== undefined));

/** A target's displacements, read when they are asked for and once only. */
function partOf(file, target) {
  const read = new Map();
  return (kind) => {
    if (!read.has(kind)) read.set(kind, target[kind] === undefined ? null : numbersOf(file, target[kind]));
    return read.get(kind);
  };
}

function summed(weighted, kind, count) {
  const sum = new Float32Array(3 * count);
  for (const [part, weight] of weighted) part(kind)?.forEach((x, at) => (sum[at] += weight * x));
  return sum;
}

/** One invisible point with all the shapes that TalkingHead asks for and the file lacks: its frames then find every one of them. */
function addStandIn(json, names, added) {
  if (!names.length) return;
  const zeros = added.accessor('VEC3', 3, 3, null);
  const mesh = {
    name: STAND_IN,
    primitives: [{ attributes: { POSITION: zeros }, targets: names.map(() => ({ POSITION: zeros })) }],
    extras: { targetNames: names },
  };
  json.scenes[0].nodes.push(json.nodes.push({ name: `${STAND_IN}Node`, mesh: json.meshes.push(mesh) - 1 }) - 1);
}
