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
  const [a, b, c, d, e, f, g, h, i] = first;
  const row = (x: number, y: number, z: number) =>
    [x * a + y * d + z * g, x * b + y * e + z * h, x * c + y * f + z * i] as const;
  return [
    ...row(then[0], then[1], then[2]),
    ...row(then[3], then[4], then[5]),
    ...row(then[6], then[7], then[8]),
  ];
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
    p / all,
    (c * h - b * i) / all,
    (b * f - c * e) / all,
    q / all,
    (a * i - c * g) / all,
    (c * d - a * f) / all,
    r / all,
    (b * g - a * h) / all,
    (a * e - b * d) / all,
  ];
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
