/**
 * Whether a picture holds its portrait above and its matte below. Told by the picture's
 * own shape, so that a change of layout is right to the very frame, whatever the event
 * and the picture do on their way.
 * @param {{width: number, height: number}} portrait its shape, of `stream.layout`
 * @param {number} width of the picture
 * @param {number} height
 */
export function isPacked(portrait, width, height) {
  if (!width || !portrait.width) return false;
  const shape = height / width;
  const own = portrait.height / portrait.width;
  return Math.abs(Math.log(shape / (2 * own))) < Math.abs(Math.log(shape / own));
}

/**
 * How many pixels to draw: no more than the picture has, nor than the screen shows.
 * @param {{width: number, height: number}} source of the portrait, pixels
 * @param {{width: number, height: number}} box where it is shown, CSS pixels
 * @param {number} density device pixels in a CSS pixel
 */
export function drawnSize(source, box, density) {
  const fit = Math.min(box.width / source.width, box.height / source.height) * density;
  const scale = Math.min(1, fit > 0 ? fit : 1);
  return {
    width: Math.max(1, Math.round(source.width * scale)),
    height: Math.max(1, Math.round(source.height * scale)),
  };
}
