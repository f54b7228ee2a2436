/**
 * A map of the plane: nine numbers, row by row. It maps (x, y) to (ax + by + c, dx + ey + f) / (gx + hy + i), where the center of
 * the first pixel is at (0.5, 0.5).
 */
export type Matrix = readonly [
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: number,
  h: number,
  i: number,
];

/** The map that first applies `first`, then `then`. */
export function following(first: Matrix, then: Matrix): Matrix {
  return Array.from({ length: 9 }, (_, k) => {
    const [row, column] = [3 * Math.floor(k / 3), k % 3];
    return (
      then[row]! * first[column]! + then[row + 1]! * first[column + 3]! + then[row + 2]! * first[column + 6]!
    );
  }) as unknown as Matrix;
}

/** A map along the axes: `scale * place + move`. */
export function alongAxes(
  x: { readonly scale: number; readonly move: number },
  y: { readonly scale: number; readonly move: number },
): Matrix {
  return [x.scale, 0, x.move, 0, y.scale, y.move, 0, 0, 1];
}

/** The inverse map. */
export function inverse([a, b, c, d, e, f, g, h, i]: Matrix): Matrix {
  const [p, q, r] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const all = a * p + b * q + c * r;
  return [
    p,
    c * h - b * i,
    b * f - c * e,
    q,
    a * i - c * g,
    c * d - a * f,
    r,
    b * g - a * h,
    a * e - b * d,
  ].map((value) => value / all) as unknown as Matrix;
}

/** Maps a point. */
export function mapped(
  [a, b, c, d, e, f, g, h, i]: Matrix,
  x: number,
  y: number,
): readonly [x: number, y: number] {
  const depth = g * x + h * y + i;
  return [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth];
}
