import { ShapeError } from '../../core/errors.js';
import { isTensor, type Tensor, tensor } from '../../core/tensor.js';
import type { PlanarSize } from '../planar/planar-image.js';
import type { DecodedSample, SampleRules } from './annotated-sample.js';
import type { Geometry } from './join-geometry.js';
import { following, inverse, type Matrix } from './matrix.js';
import { boxesOfMasks, moveBoxes, moveMask, movePoints, rowsOf } from './move-annotations.js';

/** A sample after all steps. */
export type FinishedSample<S> = {
  [Field in keyof Omit<S, 'image'>]: Field extends 'mask' ? DecodedMask<S[Field]> : S[Field];
} & {
  /** As `ImagePipeline.run` returns it. */
  readonly image: Tensor<'float32' | 'uint8' | 'uint16'>;
  /** With `withGeometry`: the map from pixels of the original image, float64, shape `[3, 3]`. */
  readonly geometry?: Tensor<'float64'>;
};

type DecodedMask<Mask> = Mask extends Uint8Array ? Tensor<'uint8' | 'uint16'> : Mask;

/** The annotations of an image while its pixels move. */
export class Annotations {
  readonly #sample: DecodedSample;
  readonly #rules: SampleRules;
  #mask: Tensor | undefined;
  /** The map from the pixels so far to those of the original image. */
  #matrix: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1];

  constructor(sample: DecodedSample, rules: SampleRules) {
    this.#sample = sample;
    this.#rules = rules;
    this.#mask = sample.mask;
  }

  /** Follows the image. A mask moves at once, boxes and points at the end, through all maps together. */
  move(geometry: Geometry): void {
    this.#matrix = following(geometry.matrix, this.#matrix);
    if (this.#mask) this.#mask = moveMask(this.#mask, geometry, this.#rules.maskFill);
  }

  /** @throws {@link ShapeError} if a step that must not move pixels changed the size. */
  checkSize(before: PlanarSize, after: PlanarSize): void {
    const { mask, boxes, points } = this.#sample;
    if (before.height === after.height && before.width === after.width) return;
    if (!mask && !boxes && !points && !this.#rules.withGeometry) return;
    throw new ShapeError(
      `A function made an image of ${before.height} × ${before.width} one of ${after.height} × ${after.width}`,
      { next: 'Masks, boxes and points cannot follow it: move pixels with steps of Millrace.' },
    );
  }

  /** The fields that moved. */
  finish(size: PlanarSize): Partial<Omit<FinishedSample<DecodedSample>, 'image'>> {
    const { boxes, labels, points } = this.#sample;
    const forward = inverse(this.#matrix);
    const rules = this.#rules;
    const moved =
      this.#mask && rules.boxesFromMask
        ? boxesOfMasks(this.#mask, rules)
        : boxes && moveBoxes(boxes, forward, size, rules);
    const mask = moved && this.#mask?.shape.length === 3 ? rowsOf(this.#mask, moved.kept) : this.#mask;
    return {
      ...(mask && { mask }),
      ...(moved && { boxes: moved.boxes }),
      ...(moved && isTensor(labels) && { labels: rowsOf(labels, moved.kept) }),
      ...(points && { points: movePoints(points, forward) }),
      ...(rules.withGeometry && { geometry: tensor(Float64Array.from(forward), [3, 3]) }),
    };
  }
}
