// Avatar repair: bone names, axes, visemes and placeholders, and above all that a body at rest keeps its shape.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { VISEMES } from '../avatar_assets/web/lipsync/viseme-curves.mjs';

const home = new URL('../avatar_assets/', import.meta.url);
const missing = existsSync(new URL('node_modules/three', home)) ? false : 'the npm modules are not installed';
const SPEC = JSON.parse(readFileSync(new URL('web/avatar_file/spec.json', home)));
const MODULES = ['inspect', 'glb', 'repair', 'skeleton'].map((name) => `web/avatar_file/${name}.mjs`);
const [{ inspectAvatar, morphTargetNames }, { readAccessor, readGlb, writeGlb }, { repairAvatar }, skeleton, three] = missing
  ? [{}, {}, {}, {}, {}]
  : await Promise.all([...MODULES, 'node_modules/three/build/three.module.js'].map((name) => import(new URL(name, home))));

const ours = () => readGlb(new Uint8Array(readFileSync(new URL('avatars/mia.glb', home))));
const bytesOf = ({ json, bin }) => writeGlb(json, bin);
const named = (json, name) => json.nodes.find((node) => node.name === name);
const every = (name, body) => test(name, { skip: missing }, body);

/** Inspects and repairs; what comes out has nothing left to repair. */
function repaired(file) {
  const found = inspectAvatar('a.glb', bytesOf(file));
  const bytes = repairAvatar(found.file, found.plan);
  const again = inspectAvatar('a.glb', bytes);
  assert.deepEqual(again.report.findings.filter(({ level }) => level === 'mended' || level === 'refused'), []);
  assert.equal(again.plan.needed, false);
  return { before: found, after: readGlb(bytes), report: found.report };
}

const codes = ({ findings }) => findings.map(({ code }) => code);

/** Leaves out morph targets. */
function without(file, drop) {
  for (const mesh of file.json.meshes) {
    const kept = morphTargetNames(mesh)
      .map((name, index) => [name, index])
      .filter(([name]) => !drop(name));
    for (const part of mesh.primitives) part.targets = kept.map(([, index]) => part.targets[index]);
    mesh.extras = { targetNames: kept.map(([name]) => name) };
    delete mesh.weights;
  }
  return file;
}

/** Where some vertices of every mesh stand at rest, by the file's bones. */
function resting({ json, bin }) {
  const worlds = skeleton.worldMatrices(json.nodes);
  const skin = json.skins[0];
  const binds = readAccessor({ json, bin }, skin.inverseBindMatrices);
  const move = skin.joints.map((joint, at) => worlds[joint].clone().multiply(new three.Matrix4().fromArray(binds, 16 * at)));
  const points = [];
  for (const { mesh, skin: tied } of json.nodes) {
    if (mesh === undefined || tied === undefined) continue;
    const [{ attributes }] = json.meshes[mesh].primitives;
    const [positions, joints, weights] = ['POSITION', 'JOINTS_0', 'WEIGHTS_0'].map((name) => readAccessor({ json, bin }, attributes[name]));
    for (let at = 0; at < positions.length / 3; at += 97) {
      const sum = new three.Vector3();
      for (let bone = 0; bone < 4; bone++) {
        const place = new three.Vector3().fromArray(positions, 3 * at).applyMatrix4(move[joints[4 * at + bone]]);
        sum.addScaledVector(place, weights[4 * at + bone]);
      }
      points.push(sum);
    }
  }
  return points;
}

const furthest = (one, other) => Math.max(...one.map((point, at) => point.distanceTo(other[at])));

every('a file that is written and read again is the same', () => {
  const file = ours();
  const again = readGlb(bytesOf(file));
  assert.deepEqual(again.json.accessors, file.json.accessors);
  assert.deepEqual(again.bin, file.bin);
});

every('visemes are the weighted sums of ARKit shapes that the spec says', () => {
  const { after, report } = repaired(without(ours(), (name) => name.startsWith('viseme_')));
  assert.ok(codes(report).includes('visemes_arkit'));
  let compared = 0;
  for (const mesh of after.json.meshes) {
    const names = morphTargetNames(mesh);
    const [part] = mesh.primitives;
    for (const viseme of VISEMES) {
      const made = names.indexOf(`viseme_${viseme}`);
      const recipe = Object.entries(SPEC.arkitToViseme[viseme]).filter(([name]) => names.includes(name));
      if (made < 0 || !recipe.length || !part.attributes.JOINTS_0) continue;
      const moves = (name) => readAccessor(after, part.targets[name].POSITION);
      const expected = moves(made).map(() => 0);
      for (const [name, weight] of recipe) moves(names.indexOf(name)).forEach((x, at) => (expected[at] += weight * x));
      assert.ok(
        moves(made).every((x, at) => Math.abs(x - expected[at]) < 1e-6),
        `${mesh.name} ${viseme}`,
      );
      compared++;
    }
  }
  assert.ok(compared >= 14);
});

every('every viseme made from ARKit shapes can be told from every other', () => {
  const { after } = repaired(without(ours(), (name) => name.startsWith('viseme_')));
  const mesh = after.json.meshes.find((one) => morphTargetNames(one).includes('viseme_aa') && morphTargetNames(one).includes('jawOpen'));
  const moves = VISEMES
    .filter((viseme) => viseme !== 'sil')
    .map((viseme) => [
      viseme,
      readAccessor(after, mesh.primitives[0].targets[morphTargetNames(mesh).indexOf(`viseme_${viseme}`)].POSITION),
    ]);
  for (const [one, a] of moves)
    for (const [other, b] of moves) {
      const apart = Math.max(...a.map((x, at) => Math.abs(x - b[at])));
      assert.ok(one === other || apart > 0.001, `${one} and ${other} are ${apart} m apart`);
    }
});

every('five vowels become fifteen visemes', () => {
  const vowels = { viseme_aa: 'A', viseme_I: 'I', viseme_U: 'U', viseme_E: 'E', viseme_O: 'O' };
  const file = without(ours(), (name) => !vowels[name]);
  for (const mesh of file.json.meshes) mesh.extras.targetNames = mesh.extras.targetNames.map((name) => `Fcl_MTH_${vowels[name]}`);
  const { after, report } = repaired(file);
  assert.ok(codes(report).includes('visemes_five'));
  const all = new Set(after.json.meshes.flatMap(morphTargetNames));
  for (const viseme of VISEMES) assert.ok(all.has(`viseme_${viseme}`), viseme);
});

every('every shape that a frame asks for is there, however few the file has', () => {
  for (const drop of [() => true, (name) => name.includes('Blink') || name.includes('Look'), (name) => name !== 'viseme_aa']) {
    const all = new Set(repaired(without(ours(), drop)).after.json.meshes.flatMap(morphTargetNames));
    for (const name of [...SPEC.shapes, ...VISEMES.map((viseme) => `viseme_${viseme}`)]) assert.ok(all.has(name), name);
    for (const [name, parts] of Object.entries(SPEC.derivedShapes)) assert.ok(all.has(name) || parts.some((part) => all.has(part)), name);
  }
});

for (const [how, rename] of Object.entries({
  'Mixamo’s prefix': (name) => `mixamorig:${name}`,
  'a numbered prefix': (name) => `mixamorig12:${name}`,
  'small letters': (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase(),
}))
  every(`bones are found under ${how}`, () => {
    const file = ours();
    for (const joint of file.json.skins[0].joints) file.json.nodes[joint].name = rename(file.json.nodes[joint].name);
    const { after, report } = repaired(file);
    assert.ok(codes(report).includes('bones_renamed'));
    for (const bone of skeleton.BONES.keys()) assert.ok(named(after.json, bone), bone);
    assert.equal(after.json.scenes[0].name, SPEC.root);
  });

every('turned, scaled and moved bones are set right, and the body keeps its shape', () => {
  const file = ours();
  const straight = resting(file);
  const { json } = file;
  const turn = new three.Matrix4().makeRotationFromEuler(new three.Euler(0.4, 1.9, -0.7));
  const back = turn.clone().invert();
  const joints = new Set(json.skins[0].joints);
  const children = new Set(json.nodes.flatMap((node) => node.children ?? []));
  json.nodes.forEach((node, index) => {
    if (!joints.has(index)) return;
    const local = skeleton.localMatrix(node).multiply(turn);
    node.matrix = (children.has(index) ? back.clone().multiply(local) : local).toArray();
    for (const name of ['translation', 'rotation', 'scale']) delete node[name];
  });
  const accessor = json.accessors[json.skins[0].inverseBindMatrices];
  const binds = readAccessor(file, json.skins[0].inverseBindMatrices);
  for (let at = 0; at < accessor.count; at++)
    binds.set(back.clone().multiply(new three.Matrix4().fromArray(binds, 16 * at)).elements, 16 * at);
  file.bin.set(new Uint8Array(binds.buffer), json.bufferViews[accessor.bufferView].byteOffset);
  assert.ok(furthest(resting(file), straight) < 1e-4, 'the test itself keeps the body');
  const above = new three.Matrix4().compose(
    new three.Vector3(3, 1, 2),
    new three.Quaternion().setFromEuler(new three.Euler(-1.2, 0.5, 2)),
    new three.Vector3(0.01, 0.01, 0.01),
  );
  json.nodes.push({ name: 'Armature', matrix: above.toArray(), children: json.scenes[0].nodes });
  json.scenes[0].nodes = [json.nodes.length - 1];
  const { after, report } = repaired(file);
  for (const code of ['axes', 'root', 'size', 'standing']) assert.ok(codes(report).includes(code), code);
  const now = resting(after);
  const grown = now[0].distanceTo(now.at(-1)) / straight[0].distanceTo(straight.at(-1)); // to the stage's stature
  assert.ok(Math.abs(grown - 1) < 0.05, `${grown}`);
  for (const anchor of [0, 40, 90]) {
    const stretched = Math.max(
      ...now.map((point, at) => Math.abs(point.distanceTo(now[anchor]) - grown * straight[at].distanceTo(straight[anchor]))),
    );
    assert.ok(stretched < 1e-3, `${stretched} m`); // head over hips is exactly upright now, so the whole body may have tilted a little
  }
  assert.ok(furthest(now, straight) < 0.02 + 2 * Math.abs(grown - 1));
  const hips = named(after.json, 'Hips');
  assert.ok(Math.abs(hips.translation[1] - SPEC.hipsHeight) < 1e-6);
});

every('bones that are missing are added between and below those that are there', () => {
  const file = ours();
  const gone = /HandIndex|HandThumb|Spine1|RightToe|Eye$/;
  for (const node of file.json.nodes) if (gone.test(node.name)) node.name = `x${file.json.nodes.indexOf(node)}`;
  const straight = resting(file);
  const { after, report } = repaired(file);
  assert.ok(codes(report).includes('bones_added'));
  assert.ok(furthest(resting(after), straight) < 1e-4);
  const worlds = skeleton.worldMatrices(after.json.nodes);
  const height = (name) => worlds[after.json.nodes.indexOf(named(after.json, name))].elements[13];
  assert.ok(height('Spine') < height('Spine1') && height('Spine1') < height('Spine2'));
  assert.ok(height('LeftEye') > height('Head'));
});

every('a part with the name of a bone is renamed, for that name belongs to the bone', () => {
  const file = ours();
  file.json.meshes[0].name = 'Head';
  file.json.nodes.push({ name: 'Hips' });
  file.json.scenes[0].nodes.push(file.json.nodes.length - 1);
  const { after, report } = repaired(file);
  assert.ok(codes(report).includes('names_clash'));
  assert.equal(after.json.nodes.filter(({ name }) => name === 'Hips').length, 1);
  assert.equal(after.json.meshes.filter(({ name }) => name === 'Head').length, 0);
});

const RIGS = {
  'QuickRigCharacter_': (name) => `QuickRigCharacter_${name}`,
  'Ann: (a namespace)': (name) => `Ann:${name}`,
  'Character1_': (name) => `Character1_${name}`,
  '.001': (name) => `${name}.001`,
  '_42': (name) => `${name}_42`,
  'lower case': (name) => name.toLowerCase(),
};
for (const [rig, called] of Object.entries(RIGS))
  every(`bones named as ${rig} are found`, () => {
    const file = ours();
    const bones = [...skeleton.BONES.keys()];
    const renamed = new Map(file.json.nodes.map((node, index) => [index, node.name]));
    for (const node of file.json.nodes) if (skeleton.BONES.has(node.name)) node.name = called(node.name);
    const found = skeleton.findBones({ nodes: file.json.nodes, skins: file.json.skins });
    for (const bone of bones.filter((name) => /Arm|Leg|Hand$|Foot|Hips|Spine$|Head/.test(name)))
      assert.equal(renamed.get(found.get(bone)), bone);
  });

const FAMILIES = {
  VRoid: 'J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Head J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_R_UpperLeg J_Bip_R_LowerLeg',
  Rigify: 'DEF-spine DEF-spine.001 DEF-spine.006 DEF-upper_arm.L DEF-forearm.L DEF-thigh.R DEF-shin.R',
  Daz: 'hip abdomenLower head lShldrBend lForearmBend rThighBend rShin',
  MMD: '下半身 上半身 頭 左腕 左ひじ 右足 右ひざ',
  MakeHuman: 'root spine05 head upperarm01.L lowerarm01.L upperleg01.R lowerleg01.R',
  VRChat: 'Hips Spine Head Left_arm Left_elbow Right_leg Right_knee',
};
for (const [family, names] of Object.entries(FAMILIES))
  every(`the bones of ${family} are found`, () => {
    const nodes = names.split(' ').map((name) => ({ name }));
    const found = skeleton.findBones({ nodes, skins: [{ joints: nodes.map((_, index) => index) }] });
    const bones = ['Hips', 'Spine', 'Head', 'LeftArm', 'LeftForeArm', 'RightUpLeg', 'RightLeg'];
    assert.deepEqual(
      bones.map((bone) => found.get(bone)),
      [0, 1, 2, 3, 4, 5, 6],
    );
  });
