import { blankImage, type PlanarImage, type PlanarSize, planeOf } from './planar-image.js';
import { runKernel } from './run-kernel.js';

/**
 * An image whose pixel (x, y) is pixel `rows[y] + columns[x]` of another: flips, quarter turns, nearest neighbors.
 *
 * @param rows - Shape `[height]`.
 * @param columns - Shape `[width]`.
 */
export function gatherPixels(
  image: PlanarImage,
  size: PlanarSize,
  rows: Int32Array,
  columns: Int32Array,
): PlanarImage {
  const { channels } = image;
  const { height, width } = size;
  const pixels = image.height * image.width;
  const resultPixels = height * width;
  const data = runKernel(
    image.data,
    pixels,
    channels * resultPixels,
    ({ functions, source, target, workspace }) => {
      const [rowPlaces, columnPlaces] = [workspace.place('rows', rows), workspace.place('columns', columns)];
      for (let channel = 0; channel < channels; channel++)
        functions.gatherPlane(
          source + channel * pixels,
          rowPlaces,
          columnPlaces,
          height,
          width,
          target + channel * resultPixels,
        );
    },
  );
  return data ? { channels, height, width, data } : gatherPlainly(image, size, rows, columns);
}

function gatherPlainly(
  image: PlanarImage,
  size: PlanarSize,
  rows: Int32Array,
  columns: Int32Array,
): PlanarImage {
  const gathered = blankImage(image.channels, size);
  for (let channel = 0; channel < image.channels; channel++) {
    const from = planeOf(image, channel);
    const to = planeOf(gathered, channel);
    let i = 0;
    for (const row of rows) for (const column of columns) to[i++] = from[row + column]!;
  }
  return gathered;
}
