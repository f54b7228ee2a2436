import { mapEach } from '../../core/map-each.js';
import type { PlanarSize } from './planar-image.js';

/**
 * Where in the source each pixel of a result comes from. Every operation is in float32 and in PyTorch's order, so that the
 * nearest pixel is the same one.
 */
export interface SamplingGrid extends PlanarSize {
  /** Three rows of a matrix, in float32 as float64, for kernels; the last counts only in a perspective. */
  readonly map: Float64Array;
  readonly isPerspective: boolean;
  /** Coordinates of the first pixel of the result. */
  readonly origin: readonly [u: number, v: number];
  /**
   * Writes the source of each pixel of a row, on a scale from -1 to 1 over the source.
   *
   * @param x - Shape `[width]`.
   * @param y - Shape `[width]`.
   */
  row(row: number, x: Float32Array, y: Float32Array): void;
}

/** Six numbers `a b c d e f`: the source of (x, y) is (ax + by + c, dx + ey + f), counted from the centers of the images. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

/** Rotation and shear in degrees, translation in pixels. */
export interface AffineParameters {
  readonly angle: number;
  readonly translate: readonly [x: number, y: number];
  readonly scale: number;
  readonly shear: readonly [x: number, y: number];
  /** The fixed point, in pixels from the center of the image. */
  readonly center: readonly [x: number, y: number];
}

/** The matrix that maps a result to its source. */
export function inverseAffineMatrix(parameters: AffineParameters): AffineMatrix {
  const radians = (degrees: number) => degrees * (Math.PI / 180);
  const [rotation, shearX, shearY] = mapEach([parameters.angle, ...parameters.shear], radians);
  const { scale } = parameters;
  const [cx, cy] = parameters.center;
  const [x, y] = [cx + parameters.translate[0], cy + parameters.translate[1]];
  const a = Math.cos(rotation - shearY) / Math.cos(shearY);
  const b = -(a * Math.tan(shearX) + Math.sin(rotation));
  const c = Math.sin(rotation - shearY) / Math.cos(shearY);
  const d = Math.cos(rotation) - c * Math.tan(shearX);
  const [m0, m1, m3, m4] = [d / scale, -b / scale, -c / scale, a / scale];
  return [m0, m1, cx - m0 * x - m1 * y, m3, m4, cy - m3 * x - m4 * y];
}

/** The size of a result that holds the whole transformed image. */
export function expandedSize(matrix: AffineMatrix, { height, width }: PlanarSize): PlanarSize {
  const [a, b, c, d, e, f] = mapEach(matrix, Math.fround);
  const [halfWidth, halfHeight] = [0.5 * width, 0.5 * height];
  const corners = [
    [-halfWidth, -halfHeight],
    [-halfWidth, halfHeight],
    [halfWidth, halfHeight],
    [halfWidth, -halfHeight],
  ] as const;
  const extent = (p: number, q: number, r: number, half: number): number => {
    const places = corners.map(([x, y]) =>
      Math.fround(Math.fround(Math.fround(x * p) + Math.fround(y * q)) + r),
    );
    // PyTorch ignores what lies beyond four decimals.
    const shortened = (value: number) =>
      Math.fround(Math.trunc(Math.fround(Math.fround(value + half) * 10_000)) * Math.fround(1e-4));
    return Math.ceil(shortened(Math.max(...places))) - Math.floor(shortened(Math.min(...places)));
  };
  return { width: extent(a, b, c, halfWidth), height: extent(d, e, f, halfHeight) };
}

/** The grid of an affine matrix. */
export function affineGrid(matrix: AffineMatrix, source: PlanarSize, result: PlanarSize): SamplingGrid {
  const [halfWidth, halfHeight] = [0.5 * source.width, 0.5 * source.height];
  const scaled = mapEach(matrix, (value, k) =>
    Math.fround(Math.fround(value) / (k < 3 ? halfWidth : halfHeight)),
  );
  const [a, b, c, d, e, f] = scaled;
  const { height, width } = result;
  const origin = [0.5 * (1 - width), 0.5 * (1 - height)] as const;
  return {
    height,
    width,
    map: Float64Array.of(...scaled, 0, 0, 0),
    isPerspective: false,
    origin,
    row(row, xs, ys) {
      const v = row + origin[1];
      for (let i = 0; i < width; i++) {
        const u = i + origin[0];
        xs[i] = linear(a, b, c, u, v);
        ys[i] = linear(d, e, f, u, v);
      }
    },
  };
}

/** Eight numbers: the source of (x, y) is (ax + by + c, dx + ey + f) / (gx + hy + 1), counted from the top left. */
export type PerspectiveCoefficients = readonly number[];

/** The grid of a perspective. */
export function perspectiveGrid(coefficients: PerspectiveCoefficients, size: PlanarSize): SamplingGrid {
  return matrixGrid([...coefficients.map(Math.fround), 1], size, size);
}

function linear(a: number, b: number, c: number, x: number, y: number): number {
  return Math.fround(Math.fround(Math.fround(a * x) + b * y) + c);
}

export type Corner = readonly [x: number, y: number];

/**
 * The coefficients that map `endpoints` of the result to `startpoints` of the source.
 *
 * @returns `undefined` if the corners do not span a quadrilateral.
 */
export function perspectiveCoefficients(
  startpoints: readonly Corner[],
  endpoints: readonly Corner[],
): PerspectiveCoefficients | undefined {
  const rows = endpoints.flatMap(([x, y], i) => {
    const [toX, toY] = startpoints[i]!;
    return [
      [x, y, 1, 0, 0, 0, -toX * x, -toX * y, toX],
      [0, 0, 0, x, y, 1, -toY * x, -toY * y, toY],
    ];
  });
  return solve(rows)?.map(Math.fround);
}

/** Solves n linear equations, each n factors and a result; `undefined` if they have no single solution. */
function solve(rows: number[][]): number[] | undefined {
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    if (Math.abs(rows[pivot]![k]!) < 1e-12) return undefined;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    let rest = rows[k]![n]!;
    for (let j = k + 1; j < n; j++) rest -= rows[k]![j]! * solution[j]!;
    solution[k] = rest / rows[k]![k]!;
  }
  return solution;
}

/** The grid of a map from pixels of a result to pixels of the source: nine numbers, row by row. */
export function matrixGrid(matrix: readonly number[], source: PlanarSize, result: PlanarSize): SamplingGrid {
  const { height, width } = result;
  const map = Float64Array.from(matrix, (value, k) =>
    Math.fround(k < 3 ? value / (0.5 * source.width) : k < 6 ? value / (0.5 * source.height) : value),
  );
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = map;
  return {
    height,
    width,
    map,
    isPerspective: true,
    origin: [0.5, 0.5],
    row(row, xs, ys) {
      const v = row + 0.5;
      for (let column = 0; column < width; column++) {
        const u = column + 0.5;
        const depth = linear(g, h, i, u, v);
        xs[column] = Math.fround(Math.fround(linear(a, b, c, u, v) / depth) - 1);
        ys[column] = Math.fround(Math.fround(linear(d, e, f, u, v) / depth) - 1);
      }
    },
  };
}
