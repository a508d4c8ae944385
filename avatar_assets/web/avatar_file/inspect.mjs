// Check: what a file of an avatar has, lacks and can be helped with, in the contract's sentences. The same steps as checking/person.py.

import { CONTRACT } from './spec.mjs';
import { readGlb } from './glb.mjs';
import { BASIS, packingsOf } from './packing.mjs';
import { Refusal, megabytes, shown } from './errors.mjs';
import { BONES, bothSides, findBones, judgeRig, plainName } from './skeleton.mjs';

const LISTED = 4;
const GAZE = ['In', 'Out', 'Up', 'Down'].flatMap((way) => ['Left', 'Right'].map((side) => `eyeLook${way}${side}`));

/**
 * @typedef {object} Finding
 * @property {string} code of the contract
 * @property {'refused' | 'missing' | 'mended' | 'note'} level
 * @property {string} text a sentence
 *
 * @typedef {object} Report
 * @property {string} file
 * @property {'glb' | 'vrm0' | 'vrm1' | ''} kind
 * @property {'refused' | 'partly' | 'mended' | 'ready'} verdict
 * @property {string} licence as the file tells it
 * @property {Finding[]} findings
 */

/** A finding in its sentence. @returns {Finding} */
export function finding(code, values = {}) {
  const [level, sentence] = CONTRACT.findings[code];
  return { code, level, text: sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name])) };
}

/** The report of a file about which only one thing can be said. @returns {Report} */
export function refusal(file, code, values = {}) {
  return { file: shown(file), kind: '', verdict: 'refused', licence: '', findings: [finding(code, values)] };
}

/**
 * Looks at a file.
 *
 * @param {string} name
 * @param {Uint8Array} bytes
 * @returns {{report: Report, file: {json: object, bin: Uint8Array} | null, plan: Plan | null}} the file and what to mend in it, where it can be shown
 *
 * @typedef {object} Plan
 * @property {Map<string, number>} bones bone → node
 * @property {ReturnType<typeof judgeRig>} rig
 * @property {Map<string, string>} shapes name in the file → name in the contract
 * @property {Map<string, string>} vowels vowel → its name in the file
 * @property {'arkit' | 'five' | 'none'} source of missing visemes
 * @property {string[]} visemes missing ones, by target name
 * @property {string[]} stand what empty shapes stand in for
 * @property {number[]} clashes nodes with the name of a bone
 * @property {boolean} needed whether anything has to be mended
 */
export function check(name, bytes) {
  const findings = [];
  const say = (code, values) => findings.push(finding(code, values));
  let [file, plan, kind] = [null, null, ''];
  try {
    file = readGlb(bytes);
    kind = kindOf(file.json);
    if (!file.json.meshes.length || !file.json.nodes.some(({ mesh }) => mesh !== undefined)) throw new Refusal('no_mesh');
    if (kind === 'glb') plan = checkGlb(file.json, say);
    else checkVrm(file.json, kind, say);
    alsoGoodToKnow(file.json, kind, bytes.length, say);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { report: { ...refusal(name, error.code, error.values), kind }, file: null, plan: null };
  }
  if (plan) plan.needed = findings.some(({ level, code }) => level === 'mended' || ['arms', 'legs'].includes(code)) || plan.stand.length + plan.visemes.length > 0;
  const verdict = ['missing', 'mended'].find((level) => findings.some((one) => one.level === level));
  const licence = licenceOf(file.json, kind);
  return { report: { file: shown(name), kind, verdict: { missing: 'partly', mended: 'mended' }[verdict] ?? 'ready', licence, findings }, file, plan };
}

const entry = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {});
const entries = (value) => (Array.isArray(value) ? value.map(entry) : []);

function kindOf({ extensions }) {
  if (Object.hasOwn(entry(extensions), 'VRMC_vrm')) return 'vrm1';
  return Object.hasOwn(entry(extensions), 'VRM') ? 'vrm0' : 'glb';
}

/** Some of many names, as a sentence shows them. */
const some = (names) => names.slice(0, LISTED).map(shown).join(', ') + (names.length > LISTED ? ` and ${names.length - LISTED} more` : '');

function checkGlb(json, say) {
  const bones = findBones(json);
  const lacking = CONTRACT.core.filter((bone) => !bones.has(bone));
  if (!json.skins.length || lacking.length)
    throw new Refusal('no_skeleton', { missing: lacking.length ? `no ${lacking.join(', ')}` : 'the mesh is tied to none' });
  const rig = judgeRig(json, bones);
  sayOfRig(json, bones, rig, say);
  const clashes = json.nodes.map((_, index) => index).filter((index) => BONES.has(json.nodes[index].name) && bones.get(json.nodes[index].name) !== index);
  const meshes = json.meshes.filter(({ name }) => BONES.has(name));
  if (clashes.length + meshes.length) say('names_clash', { names: some([...clashes.map((index) => json.nodes[index]), ...meshes].map((one) => one.name)) });
  return { bones, rig, clashes, ...checkShapes(json, say) };
}

function sayOfRig({ nodes }, bones, rig, say) {
  const others = [...bones].filter(([name, index]) => nodes[index].name !== name);
  if (others.length) say('bones_renamed', { count: others.length, example: `${shown(nodes[others[0][1]].name)} → ${others[0][0]}` });
  const missing = (limb) => bothSides(CONTRACT.limbs[limb]).filter((name) => rig.missing.includes(name));
  for (const limb of ['arms', 'legs']) if (missing(limb).length) say(limb, { bones: `no ${some(missing(limb))}` });
  const added = ['back', 'eyes', 'fingers'].flatMap(missing);
  if (added.length) say('bones_added', { count: added.length, bones: some(added) });
  if (rig.root) say('root');
  if (!rig.standing) say('standing');
  const { hipsHeight: expected, hipsToHead: usual } = CONTRACT;
  if (rig.size) say('size', { height: rig.height.toFixed(2), length: rig.length.toFixed(2), expected: expected.toFixed(2), usual: usual.toFixed(2) });
  if (rig.axes.length) say('axes', { bones: some(rig.axes) });
  if (rig.order.length) say('order', { bones: some(rig.order) });
}

/** The names of a mesh's morph targets; exporters write them in one of two places. */
export function targetNames({ extras, primitives }) {
  const names = entry(extras).targetNames ?? entry(primitives[0].extras).targetNames;
  const count = (primitives[0].targets ?? []).length;
  return Array.from({ length: count }, (_, index) => (Array.isArray(names) && typeof names[index] === 'string' ? names[index] : ''));
}

/** VRoid's names begin with those of a mesh; what they mean comes after `Fcl`. */
const wholePlainName = (name) => {
  const plain = plainName(name.slice(name.lastIndexOf('.') + 1)).join('').toLowerCase();
  return plain.slice(Math.max(0, plain.indexOf('fcl')));
};
const KNOWN = new Map();
for (const name of [...CONTRACT.shapes, ...CONTRACT.visemes.map((viseme) => `viseme_${viseme}`), ...Object.keys(CONTRACT.mixed)])
  for (const called of [wholePlainName(name), ...(CONTRACT.shapesAlsoCalled[name] ?? [])]) KNOWN.set(called, name);
const VOWELS = new Map(Object.entries(CONTRACT.five).flatMap(([vowel, others]) => others.map((called) => [called, vowel])));

function checkShapes(json, say) {
  const present = [...new Set(json.meshes.flatMap(targetNames))].filter(Boolean);
  const shapes = new Map();
  const has = new Set(present.filter((name) => KNOWN.get(wholePlainName(name)) === name));
  for (const name of present) {
    const known = KNOWN.get(wholePlainName(name));
    if (!known || has.has(known)) continue;
    shapes.set(name, known);
    has.add(known);
  }
  const vowels = new Map();
  for (const name of present) {
    const vowel = VOWELS.get(wholePlainName(name));
    if (vowel && !vowels.has(vowel)) vowels.set(vowel, name);
  }
  if (shapes.size) say('shapes_renamed', { count: shapes.size, example: some([...shapes].slice(0, 1).map(([from, to]) => `${shown(from)} → ${to}`)) });
  const visemes = CONTRACT.visemes.map((viseme) => `viseme_${viseme}`).filter((name) => !has.has(name));
  const heard = visemes.filter((name) => name !== 'viseme_sil');
  const source = has.has('jawOpen') ? 'arkit' : vowels.has('aa') ? 'five' : 'none';
  if (!present.length) say('no_shapes');
  else if (heard.length && source === 'none') say('no_visemes');
  else if (heard.length) say(`visemes_${source}`, { count: visemes.length });
  const stand = missingShapes(has, say, present.length > 0);
  return { shapes, vowels, source, visemes, stand };
}

/** Shapes that TalkingHead's frames ask for. Those that it mixes by itself are only missing with all their parts. */
function missingShapes(has, say, any) {
  const blinks = ['eyeBlinkLeft', 'eyeBlinkRight'].filter((name) => !has.has(name));
  const gaze = GAZE.filter((name) => !has.has(name));
  const others = CONTRACT.shapes.filter((name) => !has.has(name) && !blinks.includes(name) && !gaze.includes(name));
  const mixed = Object.keys(CONTRACT.mixed).filter((name) => !has.has(name) && !CONTRACT.mixed[name].some((part) => has.has(part)));
  if (any && blinks.length) say('no_blink', { names: blinks.join(', ') });
  if (any && gaze.length) say('no_gaze');
  if (any && others.length) say('shapes_added', { count: others.length, names: some(others) });
  return [...blinks, ...gaze, ...others, ...mixed];
}

function checkVrm({ extensions, nodes }, kind, say) {
  const { humanBones, mouths, blinks } = kind === 'vrm1' ? vrm1(extensions.VRMC_vrm) : vrm0(extensions.VRM);
  const there = (bone) => Number.isInteger(humanBones.get(bone)) && humanBones.get(bone) >= 0 && humanBones.get(bone) < nodes.length;
  const lacking = CONTRACT.vrmBones[kind.at(-1)].filter((bone) => !there(bone));
  if (lacking.length) throw new Refusal('vrm_bones', { bones: some(lacking) });
  const silent = Object.keys(CONTRACT.five).filter((mouth) => !mouths.has(mouth));
  if (silent.length) say('vrm_mouths', { names: silent.join(', ') });
  if (silent.length < Object.keys(CONTRACT.five).length) say('visemes_vrm');
  if (!blinks) say('no_blink', { names: 'blink' });
}

function vrm1(extension) {
  const { humanoid, expressions } = entry(extension);
  const preset = entry(entry(expressions).preset);
  const mouths = Object.keys(CONTRACT.five).filter((name) => Object.keys(entry(preset[name])).some((part) => part.endsWith('Binds')));
  const humanBones = Object.entries(entry(entry(humanoid).humanBones)).map(([bone, one]) => [bone, entry(one).node]);
  return { humanBones: new Map(humanBones), mouths: new Set(mouths), blinks: Object.hasOwn(preset, 'blink') };
}

function vrm0(extension) {
  const { humanoid, blendShapeMaster } = entry(extension);
  const groups = entries(entry(blendShapeMaster).blendShapeGroups).filter(({ presetName }) => typeof presetName === 'string');
  const named = groups.filter(({ binds, materialValues }) => entries(binds).length + entries(materialValues).length).map(({ presetName }) => presetName.toLowerCase());
  const humanBones = entries(entry(humanoid).humanBones).map(({ bone, node }) => [bone, node]);
  return { humanBones: new Map(humanBones), mouths: new Set(named.map((name) => CONTRACT.vrm0Mouths[name])), blinks: named.includes('blink') };
}

function alsoGoodToKnow(json, kind, bytes, say) {
  const packings = packingsOf(json);
  const which = packings.map((name) => CONTRACT.packings[name]).join(' and ');
  if (which) say(kind === 'glb' ? 'packed' : 'packed_vrm', { which, command: packings.includes(BASIS) ? 'ktxdecompress' : 'copy' });
  const licence = licenceOf(json, kind);
  if (licence) say('licence', { licence });
  else say('no_licence');
  let triangles = 0;
  for (const { attributes, indices } of json.meshes.flatMap(({ primitives }) => primitives))
    triangles += Math.floor(json.accessors[indices ?? attributes.POSITION].count / 3);
  if (bytes > CONTRACT.limits.heavyBytes || triangles > CONTRACT.limits.heavyTriangles) say('heavy', { size: megabytes(bytes), triangles });
  const names = [...json.nodes, ...json.meshes, ...json.materials].map(({ name }) => name).concat(json.meshes.flatMap(targetNames));
  const odd = names.find((name) => typeof name === 'string' && /<|javascript:|\$\{|\{\{/i.test(name));
  if (odd !== undefined) say('markup', { example: shown(odd) });
  const { extensionsRequired } = json;
  const known = (name) => CONTRACT.extensions.includes(name) || CONTRACT.extensionFamilies.some((family) => String(name).startsWith(family));
  const unknown = (Array.isArray(extensionsRequired) ? extensionsRequired : []).filter((name) => !known(name));
  if (unknown.length) say('extension', { names: some(unknown) });
}

/** What the file says of its licence; the first of the usual places that says something. */
function licenceOf({ asset, extensions }, kind) {
  const { copyright, extras } = entry(asset);
  const meta = entry(entry(extensions)[kind === 'vrm1' ? 'VRMC_vrm' : 'VRM']).meta;
  const { licenseName, otherLicenseUrl, licenseUrl } = entry(meta);
  const { license, licence } = entry(extras);
  const said = [licenseName, otherLicenseUrl, licenseUrl, license, licence, copyright].find((value) => typeof value === 'string' && value.trim());
  return said ? shown(said.trim()) : '';
}
