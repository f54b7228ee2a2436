import { copyImage, type PlanarImage, planeOf, roundLevel, toByte } from './planar-image.js';
import { runKernel } from './run-kernel.js';

/** The kernels of filters work on eight pixels of a row at a time. */
const leastWidth = 10;

/** Moves each pixel away from the mean of its neighborhood, or toward it. Pixels of the border stay as they are. */
export function changeSharpness(image: PlanarImage, factor: number): PlanarImage {
  const { channels, height, width } = image;
  if (height <= 2 || width <= 2) return copyImage(image);
  const rest = Math.fround(1 - factor);
  if (width < leastWidth) return sharpenPlainly(image, rest);
  const pixels = height * width;
  const data = runKernel(image.data, pixels, image.data.length, ({ functions, source, target }) => {
    for (let offset = 0; offset < channels * pixels; offset += pixels)
      functions.sharpenPlane(source + offset, height, width, rest, target + offset);
  });
  return data ? { ...image, data } : sharpenPlainly(image, rest);
}

function sharpenPlainly(image: PlanarImage, rest: number): PlanarImage {
  const { channels, height, width } = image;
  const changed = copyImage(image);
  const [side, middle] = [Math.fround(1 / 13), Math.fround(5 / 13)];
  for (let channel = 0; channel < channels; channel++) {
    const from = planeOf(image, channel);
    const to = planeOf(changed, channel);
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x;
        const around =
          from[i - width - 1]! +
          from[i - width]! +
          from[i - width + 1]! +
          from[i - 1]! +
          from[i + 1]! +
          from[i + width - 1]! +
          from[i + width]! +
          from[i + width + 1]!;
        const blurred = roundLevel(Math.fround(around * side + from[i]! * middle));
        to[i] = toByte(Math.fround(from[i]! + (blurred - from[i]!) * rest));
      }
    }
  }
  return changed;
}

/** A blur with a Gaussian of its own along each axis. */
export interface GaussianBlur {
  readonly kernelSize: readonly [x: number, y: number];
  readonly sigma: readonly [x: number, y: number];
}

/** Blurs with a Gaussian. Pixels beyond the border mirror those within. Half a kernel must be smaller than the image. */
export function blur(image: PlanarImage, { kernelSize, sigma }: GaussianBlur): PlanarImage {
  const { channels, height, width } = image;
  const alongX = gaussian(kernelSize[0], sigma[0]);
  const alongY = gaussian(kernelSize[1], sigma[1]);
  if (width < leastWidth) return blurPlainly(image, alongX, alongY);
  const pixels = height * width;
  const data = runKernel(
    image.data,
    pixels,
    image.data.length,
    ({ functions, source, target, workspace }) => {
      const xWeights = workspace.place('weights along x', alongX);
      const yWeights = workspace.place('weights along y', alongY);
      const padded = workspace.bytes('padded row', 4 * (width + alongX.length + 3)).byteOffset;
      const rows = workspace.bytes('blurred rows', 4 * (pixels + 3)).byteOffset;
      for (let offset = 0; offset < channels * pixels; offset += pixels) {
        const [from, to] = [source + offset, target + offset];
        functions.blurPlane(
          from,
          height,
          width,
          xWeights,
          alongX.length,
          yWeights,
          alongY.length,
          padded,
          rows,
          to,
        );
      }
    },
  );
  return data ? { ...image, data } : blurPlainly(image, alongX, alongY);
}

/** Rounds to float32 after each product and each sum, as the kernel does. */
function blurPlainly(image: PlanarImage, alongX: Float32Array, alongY: Float32Array): PlanarImage {
  const { channels, height, width } = image;
  const blurred = { ...image, data: new Uint8Array(image.data.length) };
  const rows = new Float32Array(height * width);
  const sums = new Float32Array(width);
  for (let channel = 0; channel < channels; channel++) {
    blurRows(planeOf(image, channel), width, alongX, rows);
    const to = planeOf(blurred, channel);
    for (let y = 0; y < height; y++) {
      sums.fill(0);
      for (let k = 0; k < alongY.length; k++) {
        const from = mirrored(y + k - (alongY.length >> 1), height) * width;
        const weight = alongY[k]!;
        for (let x = 0; x < width; x++) sums[x]! += Math.fround(rows[from + x]! * weight);
      }
      for (let x = 0; x < width; x++) to[y * width + x] = roundLevel(sums[x]!);
    }
  }
  return blurred;
}

function blurRows(plane: Uint8Array, width: number, weights: Float32Array, target: Float32Array): void {
  const half = weights.length >> 1;
  const padded = new Uint8Array(width + 2 * half);
  for (let start = 0; start < plane.length; start += width) {
    for (let i = 0; i < padded.length; i++) padded[i] = plane[start + mirrored(i - half, width)]!;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++)
        sum = Math.fround(sum + Math.fround(padded[x + k]! * weights[k]!));
      target[start + x] = sum;
    }
  }
}

/** The weights of a Gaussian on whole pixels, at torchvision's points; they sum to 1. Shape `[size]`. */
function gaussian(size: number, sigma: number): Float32Array {
  const limit = (size - 1) / (2 * Math.SQRT2);
  const step = size > 1 ? (2 * limit) / (size - 1) : 0;
  const powers = Float64Array.from({ length: size }, (_, k) =>
    Math.exp(-(((k * step - limit) / sigma) ** 2)),
  );
  const sum = powers.reduce((total, value) => total + value, 0);
  return Float32Array.from(powers, (value) => value / sum);
}

/** A place beyond the border, mirrored at the pixel of the border. */
function mirrored(at: number, length: number): number {
  if (at < 0) return -at;
  return at < length ? at : 2 * (length - 1) - at;
}
