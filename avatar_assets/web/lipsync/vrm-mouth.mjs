// VRM mouth: the fifteen visemes as VRM's five mouth shapes. Pure arithmetic.

import SPEC from '../avatar_file/spec.json' with { type: 'json' };

/**
 * @param {import('./viseme-curves.mjs').Weights} weights
 * @returns {Record<string, number>} how far aa, ih, ou, ee and oh are formed, 0…1, all of them together at most 1: they add up in the mesh
 */
export function fiveOf(weights) {
  const five = Object.fromEntries(Object.keys(SPEC.vowelAliases).map((name) => [name, 0]));
  for (const [viseme, recipe] of Object.entries(SPEC.vowelsToViseme))
    for (const [name, weight] of Object.entries(recipe)) five[name] += weight * weights[viseme];
  const sum = Math.max(1, Object.values(five).reduce((all, weight) => all + weight, 0));
  for (const name of Object.keys(five)) five[name] /= sum;
  return five;
}
