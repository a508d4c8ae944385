// Avatar inspection: what a file has, what it lacks and what can be repaired, as findings in the spec's sentences.

import { VISEMES } from '../lipsync/viseme-curves.mjs';
import SPEC from './spec.json' with { type: 'json' };
import { readGlb } from './glb.mjs';
import { BASIS, packingsOf } from './packing.mjs';
import { ValidationError, displayText, formatMegabytes } from './errors.mjs';
import { makeFinding, refusedReport } from './report.mjs';
import { BONES, bothSides, findBones, analyseSkeleton, normalisedName } from './skeleton.mjs';

const LISTED = 4;
const GAZE = ['In', 'Out', 'Up', 'Down'].flatMap((way) => ['Left', 'Right'].map((side) => `eyeLook${way}${side}`));

/**
 * Inspects a file.
 *
 * @param {string} name
 * @param {Uint8Array} bytes
 * @returns {{report: import('./report.mjs').Report, file: {json: object, bin: Uint8Array} | null, plan: RepairPlan | null}} nulls where it is refused
 *
 * @typedef {object} RepairPlan
 * @property {Map<string, number>} bones bone → node
 * @property {import('./skeleton.mjs').SkeletonAnalysis} skeleton
 * @property {Map<string, string>} shapeNames name in the file → name in the spec
 * @property {Map<string, string>} vowels vowel → its name in the file
 * @property {'arkit' | 'five' | 'none'} visemeSource what missing visemes are made of
 * @property {string[]} missingVisemes by target name
 * @property {string[]} placeholders shapes that are added empty
 * @property {number[]} nameClashes nodes with the name of a bone
 * @property {boolean} needed whether anything has to be repaired
 */
export function inspectAvatar(name, bytes) {
  const findings = [];
  const add = (code, values) => findings.push(makeFinding(code, values));
  let [file, plan, kind] = [null, null, ''];
  try {
    file = readGlb(bytes);
    kind = kindOf(file.json);
    if (!file.json.meshes.length || !file.json.nodes.some(({ mesh }) => mesh !== undefined)) throw new ValidationError('no_mesh');
    if (kind === 'glb') plan = inspectGlb(file.json, add);
    else inspectVrm(file.json, kind, add);
    addNotes(file.json, kind, bytes.length, add);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { report: { ...refusedReport(name, error.code, error.values), kind }, file: null, plan: null };
  }
  if (plan)
    plan.needed =
      findings.some(({ level, code }) => level === 'mended' || ['arms', 'legs'].includes(code)) ||
      plan.placeholders.length + plan.missingVisemes.length > 0;
  const verdict = ['missing', 'mended'].find((level) => findings.some((one) => one.level === level));
  const licence = licenceOf(file.json, kind);
  return {
    report: { file: displayText(name), kind, verdict: { missing: 'partly', mended: 'mended' }[verdict] ?? 'ready', licence, findings },
    file,
    plan,
  };
}

const asObject = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {});
const asObjects = (value) => (Array.isArray(value) ? value.map(asObject) : []);

function kindOf({ extensions }) {
  if (Object.hasOwn(asObject(extensions), 'VRMC_vrm')) return 'vrm1';
  return Object.hasOwn(asObject(extensions), 'VRM') ? 'vrm0' : 'glb';
}

/** The first of many names, for a sentence. */
const listed = (names) =>
  names.slice(0, LISTED).map(displayText).join(', ') + (names.length > LISTED ? ` and ${names.length - LISTED} more` : '');

function inspectGlb(json, add) {
  const bones = findBones(json);
  const lacking = SPEC.requiredBones.filter((bone) => !bones.has(bone));
  if (!json.skins.length || lacking.length)
    throw new ValidationError('no_skeleton', { missing: lacking.length ? `no ${lacking.join(', ')}` : 'the mesh is tied to none' });
  const skeleton = analyseSkeleton(json, bones);
  reportSkeleton(json, bones, skeleton, add);
  const nameClashes = json.nodes
    .map((_, index) => index)
    .filter((index) => BONES.has(json.nodes[index].name) && bones.get(json.nodes[index].name) !== index);
  const meshes = json.meshes.filter(({ name }) => BONES.has(name));
  if (nameClashes.length + meshes.length)
    add('names_clash', { names: listed([...nameClashes.map((index) => json.nodes[index]), ...meshes].map((one) => one.name)) });
  return { bones, skeleton, nameClashes, ...inspectShapes(json, add) };
}

function reportSkeleton({ nodes }, bones, skeleton, add) {
  const others = [...bones].filter(([name, index]) => nodes[index].name !== name);
  if (others.length) add('bones_renamed', { count: others.length, example: `${displayText(nodes[others[0][1]].name)} → ${others[0][0]}` });
  const missing = (limb) => bothSides(SPEC.limbs[limb]).filter((name) => skeleton.missing.includes(name));
  for (const limb of ['arms', 'legs']) if (missing(limb).length) add(limb, { bones: `no ${listed(missing(limb))}` });
  const added = ['back', 'eyes', 'fingers'].flatMap(missing);
  if (added.length) add('bones_added', { count: added.length, bones: listed(added) });
  if (skeleton.root) add('root');
  if (!skeleton.standing) add('standing');
  const { hipsHeight: expected, hipsToHead: usual } = SPEC;
  if (skeleton.size)
    add('size', {
      height: skeleton.height.toFixed(2),
      length: skeleton.length.toFixed(2),
      expected: expected.toFixed(2),
      usual: usual.toFixed(2),
    });
  if (skeleton.axes.length) add('axes', { bones: listed(skeleton.axes) });
  if (skeleton.order.length) add('order', { bones: listed(skeleton.order) });
}

/** The names of a mesh's morph targets; exporters write them in one of two places. @returns {string[]} '' where there is none */
export function morphTargetNames({ extras, primitives }) {
  const names = asObject(extras).targetNames ?? asObject(primitives[0].extras).targetNames;
  const count = (primitives[0].targets ?? []).length;
  return Array.from({ length: count }, (_, index) => (Array.isArray(names) && typeof names[index] === 'string' ? names[index] : ''));
}

/** VRoid's names begin with those of a mesh, what they mean comes after `Fcl`; MetaHuman's and Maya's with what they are. */
const normalisedShapeName = (name) => {
  const plain = normalisedName(name.slice(name.lastIndexOf('.') + 1))
    .join('')
    .toLowerCase();
  return plain.slice(Math.max(0, plain.indexOf('fcl'))).replace(/^(?:ctrlexpressions|blendshapes?\d*)(?=.)/, '');
};
const KNOWN = new Map();
for (const name of [...SPEC.shapes, ...VISEMES.map((viseme) => `viseme_${viseme}`), ...Object.keys(SPEC.derivedShapes)])
  for (const called of [normalisedShapeName(name), ...(SPEC.shapeAliases[name] ?? [])]) KNOWN.set(called, name);
const VOWELS = new Map(Object.entries(SPEC.vowelAliases).flatMap(([vowel, others]) => others.map((called) => [called, vowel])));

function inspectShapes(json, add) {
  const present = [...new Set(json.meshes.flatMap(morphTargetNames))].filter(Boolean);
  const shapeNames = new Map();
  const has = new Set(present.filter((name) => KNOWN.get(normalisedShapeName(name)) === name));
  for (const name of present) {
    const known = KNOWN.get(normalisedShapeName(name));
    if (!known || has.has(known)) continue;
    shapeNames.set(name, known);
    has.add(known);
  }
  const vowels = new Map();
  for (const name of present) {
    const vowel = VOWELS.get(normalisedShapeName(name));
    if (vowel && !vowels.has(vowel)) vowels.set(vowel, name);
  }
  if (shapeNames.size)
    add('shapes_renamed', {
      count: shapeNames.size,
      example: listed([...shapeNames].slice(0, 1).map(([from, to]) => `${displayText(from)} → ${to}`)),
    });
  const missingVisemes = VISEMES.map((viseme) => `viseme_${viseme}`).filter((name) => !has.has(name));
  const audible = missingVisemes.filter((name) => name !== 'viseme_sil');
  const visemeSource = has.has('jawOpen') ? 'arkit' : vowels.has('aa') ? 'five' : 'none';
  if (!present.length) add('no_shapes');
  else if (audible.length && visemeSource === 'none') add('no_visemes');
  else if (audible.length) add(`visemes_${visemeSource}`, { count: missingVisemes.length });
  const placeholders = addMissingShapes(has, add, present.length > 0);
  return { shapeNames, vowels, visemeSource, missingVisemes, placeholders };
}

/** Reports missing shapes that TalkingHead needs; derived ones are only missing with all their parts. @returns {string[]} all of them */
function addMissingShapes(has, add, any) {
  const blinks = ['eyeBlinkLeft', 'eyeBlinkRight'].filter((name) => !has.has(name));
  const gaze = GAZE.filter((name) => !has.has(name));
  const others = SPEC.shapes.filter((name) => !has.has(name) && !blinks.includes(name) && !gaze.includes(name));
  const derived = Object.keys(SPEC.derivedShapes).filter(
    (name) => !has.has(name) && !SPEC.derivedShapes[name].some((part) => has.has(part)),
  );
  if (any && blinks.length) add('no_blink', { names: blinks.join(', ') });
  if (any && gaze.length) add('no_gaze');
  if (any && others.length) add('shapes_added', { count: others.length, names: listed(others) });
  return [...blinks, ...gaze, ...others, ...derived];
}

function inspectVrm({ extensions, nodes }, kind, add) {
  const { humanBones, mouths, blinks } = kind === 'vrm1' ? vrm1(extensions.VRMC_vrm) : vrm0(extensions.VRM);
  const there = (bone) => Number.isInteger(humanBones.get(bone)) && humanBones.get(bone) >= 0 && humanBones.get(bone) < nodes.length;
  const lacking = SPEC.vrmBones[kind.at(-1)].filter((bone) => !there(bone));
  if (lacking.length) throw new ValidationError('vrm_bones', { bones: listed(lacking) });
  const silent = Object.keys(SPEC.vowelAliases).filter((mouth) => !mouths.has(mouth));
  if (silent.length) add('vrm_mouths', { names: silent.join(', ') });
  if (silent.length < Object.keys(SPEC.vowelAliases).length) add('visemes_vrm');
  if (!blinks) add('no_blink', { names: 'blink' });
}

function vrm1(extension) {
  const { humanoid, expressions } = asObject(extension);
  const preset = asObject(asObject(expressions).preset);
  const mouths = Object.keys(SPEC.vowelAliases).filter((name) =>
    Object.keys(asObject(preset[name])).some((part) => part.endsWith('Binds')),
  );
  const humanBones = Object.entries(asObject(asObject(humanoid).humanBones)).map(([bone, one]) => [bone, asObject(one).node]);
  return { humanBones: new Map(humanBones), mouths: new Set(mouths), blinks: Object.hasOwn(preset, 'blink') };
}

function vrm0(extension) {
  const { humanoid, blendShapeMaster } = asObject(extension);
  const groups = asObjects(asObject(blendShapeMaster).blendShapeGroups).filter(({ presetName }) => typeof presetName === 'string');
  const named = groups
    .filter(({ binds, materialValues }) => asObjects(binds).length + asObjects(materialValues).length)
    .map(({ presetName }) => presetName.toLowerCase());
  const humanBones = asObjects(asObject(humanoid).humanBones).map(({ bone, node }) => [bone, node]);
  return { humanBones: new Map(humanBones), mouths: new Set(named.map((name) => SPEC.vrm0Mouths[name])), blinks: named.includes('blink') };
}

function addNotes(json, kind, bytes, add) {
  const packings = packingsOf(json);
  const which = packings.map((name) => SPEC.packings[name]).join(' and ');
  if (which) add(kind === 'glb' ? 'packed' : 'packed_vrm', { which, command: packings.includes(BASIS) ? 'ktxdecompress' : 'copy' });
  const licence = licenceOf(json, kind);
  if (licence) add('licence', { licence });
  else add('no_licence');
  let triangles = 0;
  for (const { attributes, indices } of json.meshes.flatMap(({ primitives }) => primitives))
    triangles += Math.floor(json.accessors[indices ?? attributes.POSITION].count / 3);
  if (bytes > SPEC.limits.heavyBytes || triangles > SPEC.limits.heavyTriangles) add('heavy', { size: formatMegabytes(bytes), triangles });
  const names = [...json.nodes, ...json.meshes, ...json.materials].map(({ name }) => name).concat(json.meshes.flatMap(morphTargetNames));
  const odd = names.find((name) => typeof name === 'string' && /<|javascript:|\$\{|\{\{/i.test(name));
  if (odd !== undefined) add('markup', { example: displayText(odd) });
  const { extensionsRequired } = json;
  const known = (name) => SPEC.extensions.includes(name) || SPEC.extensionFamilies.some((family) => String(name).startsWith(family));
  const unknown = (Array.isArray(extensionsRequired) ? extensionsRequired : []).filter((name) => !known(name));
  if (unknown.length) add('extension', { names: listed(unknown) });
}

/** What the file says of its licence; the first of the usual places that says something. */
function licenceOf({ asset, extensions }, kind) {
  const { copyright, extras } = asObject(asset);
  const meta = asObject(asObject(extensions)[kind === 'vrm1' ? 'VRMC_vrm' : 'VRM']).meta;
  const { licenseName, otherLicenseUrl, licenseUrl } = asObject(meta);
  const { license, licence } = asObject(extras);
  const stated = [licenseName, otherLicenseUrl, licenseUrl, license, licence, copyright].find(
    (value) => typeof value === 'string' && value.trim(),
  );
  return stated ? displayText(stated.trim()) : '';
}
