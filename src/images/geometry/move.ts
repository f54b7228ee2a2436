import type { Matrix } from './matrix.js';

/** A rectangle in the pixels of an image, with fractional edges. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a step does to an image of a known size, after its random numbers are drawn. */
export type Move = MoveAlongAxes | Warp;

export type MoveAlongAxes =
  /** Cuts out a rectangle, which may lie beyond the image. */
  | { readonly kind: 'cut'; readonly box: Box }
  | { readonly kind: 'size'; readonly height: number; readonly width: number }
  | { readonly kind: 'flip'; readonly axis: 'x' | 'y' };

/** Any other move: a map from the result to the image. */
export interface Warp {
  readonly kind: 'warp';
  readonly matrix: Matrix;
  readonly height: number;
  readonly width: number;
}
