// Simplification: fewer triangles where a processor draws: they cost it more than pixels do. Lips and lids keep all of theirs.

import { BufferAttribute } from 'three';
import { MeshoptSimplifier } from 'meshoptimizer';

/** Fewer triangles than this are not worth the work. */
const WORTH = 300;
/** The most that a surface may be moved, as a share of the part's size. */
const ERROR = 0.004;
/** What a turned normal, another colour or another place in the picture counts, in the part's size. */
const WEIGHTS = { normal: 0.6, color: 0.5, uv: 1 };
/** Points that a shape moves by more than this share of its longest way keep their place: the lips, the lids and what is near them. */
const MOVED = 0.05;

/**
 * Fewer triangles between the same points.
 *
 * @param {import('three').BufferGeometry} geometry
 * @param {number} share of the triangles that should be left; there are more where they are needed
 * @param {Float32Array | null} [reach] how far shapes move each point, in the unit of the positions
 * @returns {Promise<BufferAttribute | null>} an index; null where there is nothing to gain
 */
export async function simplified(geometry, share, reach = null) {
  const { index, attributes } = geometry;
  if (!index || index.count < 3 * WORTH) return null;
  await MeshoptSimplifier.ready;
  const names = Object.keys(WEIGHTS).filter((name) => attributes[name]);
  const looks = names.map((name) => attributes[name]);
  const weights = looks.flatMap((attribute, at) => Array(attribute.itemSize).fill(WEIGHTS[names[at]]));
  const [left] = MeshoptSimplifier.simplifyWithAttributes(
    Uint32Array.from(index.array),
    side([attributes.position]),
    3,
    side(looks),
    weights.length,
    weights,
    reach && lockOf(reach),
    3 * Math.floor((share * index.count) / 3),
    ERROR,
  );
  if (left.length === index.count) return null;
  return new BufferAttribute(attributes.position.count > 65535 ? left : Uint16Array.from(left), 1);
}

/** Attributes side by side, point by point. @returns {Float32Array} */
function side(attributes) {
  const width = attributes.reduce((sum, { itemSize }) => sum + itemSize, 0);
  const { count } = attributes[0] ?? { count: 0 };
  const values = new Float32Array(width * count);
  let column = 0;
  for (const attribute of attributes) {
    for (let component = 0; component < attribute.itemSize; component++, column++) {
      for (let at = 0; at < count; at++) values[width * at + column] = attribute.getComponent(at, component);
    }
  }
  return values;
}

function lockOf(reach) {
  const least = MOVED * reach.reduce((most, way) => Math.max(most, way), 0);
  return Uint8Array.from(reach, (way) => (way > least ? 1 : 0));
}
