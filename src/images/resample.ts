import type { ImageKernels } from '../kernels/image-kernels.js';
import type { CropGeometry } from './geometry/crop-geometry.js';
import type { ImageWorkspace } from './image-workspace.js';
import { type AxisWeights, triangleWeights, weightBits } from './resample-weights.js';
import { type RgbxImage, rgbxBytes } from './rgbx-image.js';

/** Fractional bits of rows between the two passes. */
const rowBits = 6;

/**
 * Resizes a part of an image with antialiasing: rows first, then columns, in fixed point, so that the result is the same on
 * every machine, with and without SIMD. Within one level of Pillow's result.
 *
 * @returns an image in the workspace, valid until the next call.
 */
export function resample(image: RgbxImage, geometry: CropGeometry, workspace: ImageWorkspace): RgbxImage {
  const { box, visible, width, height } = geometry;
  const columns = triangleWeights(
    { start: box.x, length: box.width },
    { start: visible.x, length: visible.width },
    width,
    4,
  );
  const rows = triangleWeights(
    { start: box.y, length: box.height },
    { start: visible.y, length: visible.height },
    height,
    2,
  );
  const target = { width, height, data: workspace.bytes('resampled', rgbxBytes(width, height)) };
  if (workspace.kernels)
    resampleFast(workspace.kernels, image, { columns, rows, geometry, target }, workspace);
  else resamplePlainly(image, { columns, rows, geometry, target });
  return target;
}

interface Resampling {
  readonly columns: AxisWeights;
  readonly rows: AxisWeights;
  readonly geometry: CropGeometry;
  readonly target: RgbxImage;
}

function resampleFast(
  { functions, memory }: ImageKernels,
  image: RgbxImage,
  { columns, rows, geometry: { flip }, target }: Resampling,
  workspace: ImageWorkspace,
): void {
  const tables = workspace.bytes('weights', 8 * 64 + bytesOf(columns) + bytesOf(rows));
  let next = tables.byteOffset;
  const place = (array: Int32Array | Int16Array): number => {
    const address = next;
    new Uint8Array(memory.buffer, address, array.byteLength).set(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
    next += Math.ceil(array.byteLength / 64) * 64;
    return address;
  };
  const ringRows = 2 ** Math.ceil(Math.log2(Math.max(4, rows.taps)));
  const ring = workspace.bytes('ring', 8 * target.width * ringRows + 64);
  functions.resizeRgbx(
    memory.addressOf(image.data)!,
    4 * image.width,
    place(columns.starts),
    place(columns.weights),
    columns.taps,
    place(rows.starts),
    place(rows.weights),
    rows.taps,
    target.width,
    target.height,
    flip ? 1 : 0,
    ring.byteOffset,
    ringRows,
    target.data.byteOffset,
  );
}

function bytesOf({ starts, weights }: AxisWeights): number {
  return starts.byteLength + weights.byteLength;
}

/** The kernel's computation in TypeScript. */
function resamplePlainly(image: RgbxImage, { columns, rows, geometry: { flip }, target }: Resampling): void {
  const { width, height, data } = target;
  const ringRows = rows.taps + 1;
  const ring = new Int16Array(4 * width * ringRows);
  const half = 1 << (weightBits + rowBits - 1);
  let done = rows.starts[0]!;
  for (let y = 0; y < height; y++) {
    const first = rows.starts[y]!;
    for (done = Math.max(done, first); done < first + rows.taps; done++)
      resampleRow(image, done, columns, flip, ring.subarray((done % ringRows) * 4 * width), width);
    for (let x = 0; x < 4 * width; x++) {
      let sum = half;
      for (let tap = 0; tap < rows.taps; tap++)
        sum += ring[((first + tap) % ringRows) * 4 * width + x]! * rows.weights[y * rows.taps + tap]!;
      data[y * 4 * width + x] = sum >> (weightBits + rowBits);
    }
  }
}

function resampleRow(
  image: RgbxImage,
  row: number,
  { starts, weights, taps }: AxisWeights,
  flip: boolean,
  target: Int16Array,
  width: number,
): void {
  const half = 1 << (weightBits - rowBits - 1);
  for (let x = 0; x < width; x++) {
    const from = 4 * (row * image.width + starts[x]!);
    const to = 4 * (flip ? width - 1 - x : x);
    for (let channel = 0; channel < 4; channel++) {
      let sum = half;
      for (let tap = 0; tap < taps; tap++)
        sum += (image.data[from + 4 * tap + channel] ?? 0) * weights[x * taps + tap]!;
      target[to + channel] = sum >> (weightBits - rowBits);
    }
  }
}
