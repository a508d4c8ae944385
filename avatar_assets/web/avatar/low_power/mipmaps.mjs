// Mipmaps: the smaller copies of a picture, made by the browser: a processor that stands in for a graphics card takes ten times as long.

const AS_IT_IS = { premultiplyAlpha: 'none', colorSpaceConversion: 'none', resizeQuality: 'medium' };

/**
 * Gives textures that were not drawn yet their smaller copies; those that are no bitmaps are left to the driver.
 *
 * @param {Iterable<import('three').Texture>} textures
 */
export async function makeMipmaps(textures) {
  const bitmaps = [...textures].filter(({ image, generateMipmaps }) => generateMipmaps && image instanceof ImageBitmap);
  await Promise.all(bitmaps.map(makeOf));
}

async function makeOf(texture) {
  const copies = [texture.image];
  while (Math.max(copies.at(-1).width, copies.at(-1).height) > 1) copies.push(await half(copies.at(-1)));
  texture.mipmaps = copies;
  texture.generateMipmaps = false;
}

function half(bitmap) {
  const [resizeWidth, resizeHeight] = [bitmap.width, bitmap.height].map((side) => Math.max(1, side >> 1));
  return createImageBitmap(bitmap, { ...AS_IT_IS, resizeWidth, resizeHeight });
}
