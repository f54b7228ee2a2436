import type { SampleContext } from '../core/dataset.js';
import type { TypedArrayOf } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { isTensor, type Tensor, zeroTensor } from '../core/tensor.js';
import { cropCount, cutCrops } from './apply/cut-crops.js';
import { decodeMask } from './decode-mask.js';
import { movedTo, reach, shrinkBelow, shrinkOf } from './decoded-part.js';
import {
  checkSample,
  type DecodedSample,
  type ImageSample,
  imageOfSample,
  type SampleOptions,
  type SampleRules,
  sampleOptions,
} from './geometry/annotated-sample.js';
import { Annotations, type FinishedSample } from './geometry/annotations.js';
import { isWithin } from './geometry/crop-geometry.js';
import { type Geometry, joinGeometry } from './geometry/join-geometry.js';
import { warpImage } from './geometry/warp-image.js';
import { leastSkip, matrixInPart, partOfWarp, warpPart } from './geometry/warp-part.js';
import { type DecodedPlace, ImageDecoder } from './image-decoder.js';
import { type ImageDType, ImageFinisher } from './image-finisher.js';
import type { ImageTransform } from './image-transform.js';
import { type ImagePipelineOptions, type PipelineSettings, pipelineOptions } from './pipeline-options.js';
import { planarOf } from './planar/convert-pixels.js';
import type { PlanarImage, PlanarSize } from './planar/planar-image.js';
import type { DecodeRegion } from './region-decoder.js';
import { resample } from './resample.js';
import type { RgbxImage } from './rgbx-image.js';
import { fixedSizeOf, planSteps, type StepPlan } from './step-plan.js';

/**
 * Turns image files into tensors: decodes only the needed part of a JPEG, crops, resizes, flips, changes colors and normalizes,
 * in one pass over the pixels if possible, directly into the memory of the batch. Use one instance per thread.
 *
 * Steps run in their order; those that move pixels and follow each other are joined into one resampling. After `normalize`, only
 * erasing is possible. Results do not depend on the number of workers or on SIMD. Both decoders match Pillow within one level of
 * 255 (a few levels for JPEGs that become six times smaller or more, unless `exact`). As in Pillow, color profiles are ignored,
 * alpha is dropped, files that a decoder only warns about are read, and EXIF orientation turns TIFF only; options change each of these.
 */
export class ImagePipeline {
  readonly steps: readonly ImageTransform[];
  /** The options, with their defaults. */
  readonly settings: PipelineSettings;
  readonly #plan: StepPlan;
  readonly #images: ImageDecoder;
  readonly #finisher: ImageFinisher;

  /** @throws {@link ConfigError} if the steps are in an impossible order, or an option does not fit them. */
  constructor(steps: readonly ImageTransform[], options: ImagePipelineOptions = {}) {
    this.#plan = planSteps(steps);
    this.steps = steps;
    this.settings = pipelineOptions(options);
    this.#images = new ImageDecoder(this.settings);
    const { normalize, finishing } = this.#plan;
    this.#finisher = new ImageFinisher(this.settings, normalize, finishing, () => this.#images.workspace);
  }

  /** Dtype of every result. */
  get dtype(): ImageDType {
    return this.#finisher.dtype;
  }

  /** Height and width of every result; `undefined` if they depend on the image. */
  get fixedSize(): readonly [height: number, width: number] | undefined {
    return fixedSizeOf(this.steps);
  }

  /** Shape of every result; `undefined` if it depends on the image. */
  get fixedShape(): readonly number[] | undefined {
    const size = this.fixedSize;
    return size && this.#shapeOf({ height: size[0], width: size[1] });
  }

  /**
   * Makes an image from the bytes of its file. Synchronous where libjpeg-turbo or libwebp decodes it.
   *
   * @param name - Path of the image, for messages.
   * @returns shape `[C, H, W]` or `[H, W, C]`, where `C` is 3 unless `channels` says otherwise; with `fiveCrop` or `tenCrop`, one more
   *   dimension first.
   * @throws {@link FormatError} if the bytes are damaged or not an image.
   */
  run(bytes: Uint8Array, name: string, context: SampleContext): MaybePromise<Tensor<ImageDType>> {
    return this.#make(bytes, name, context, (image) => this.#tensorOf(image, context));
  }

  /** Like {@link run}, into memory for a tensor of the {@link fixedShape}. */
  runInto(
    bytes: Uint8Array,
    name: string,
    context: SampleContext,
    target: TypedArrayOf<ImageDType>,
  ): MaybePromise<void> {
    return this.#make(bytes, name, context, (image) => {
      if (elementsOf(this.#shapeOf(image)) !== target.length) {
        throw new ShapeError(`A step made an image of ${image.height} × ${image.width}`, {
          where: { file: name },
          next: 'Put a step with a fixed size, such as resize([height, width]), after it.',
        });
      }
      this.#write(image, target, context);
    });
  }

  /**
   * Applies the steps to an image and its annotations: mask, boxes and points move with it. Each map is joined over
   * the steps: boxes move by their four corners and are clipped once, and dropped with their labels and masks by the rules of the
   * options.
   *
   * @param sample - Other fields stay as they are.
   * @returns the sample with a finished `image`; a promise where decoding is asynchronous.
   * @throws {@link FormatError} if the bytes are not an image, or those of a mask not a PNG of classes; {@link ShapeError} if the fields do not fit it.
   */
  apply<S extends ImageSample>(
    sample: S,
    context: SampleContext,
    options: SampleOptions = {},
  ): MaybePromise<FinishedSample<S>> {
    const { name = `sample ${context.index}`, ...rules } = sampleOptions(options);
    const { crops } = this.#plan;
    if (crops && (sample.mask || sample.boxes || sample.points || rules.withGeometry))
      throw new ConfigError('ImagePipeline.apply', [
        { field: crops.type, message: 'makes several images, which masks, boxes and points cannot follow' },
      ]);
    const { mask } = sample;
    const decoded = mask instanceof Uint8Array ? decodeMask(mask, name, this.settings.maxPixels) : mask;
    // The types of the other fields are those of `sample`.
    return andThen(decoded, (known) =>
      this.#applyTo({ ...sample, ...(known && { mask: known }) }, name, context, rules),
    ) as MaybePromise<FinishedSample<S>>;
  }

  /** Applies the steps to an image and its annotations. */
  #applyTo(
    sample: DecodedSample,
    name: string,
    context: SampleContext,
    rules: SampleRules,
  ): MaybePromise<FinishedSample<DecodedSample>> {
    const annotations = new Annotations(sample, rules);
    const check = (size: PlanarSize) => checkSample(sample, size, rules.boxesFromMask, name);
    const finish = (moved: RgbxImage | PlanarImage, geometry: Geometry) => {
      annotations.move(geometry);
      const changed = this.#changeBoth(moved, annotations, context);
      return { ...sample, ...annotations.finish(changed), image: this.#tensorOf(changed, context) };
    };
    if (!isTensor(sample.image)) return this.#decode(sample.image, name, context, check, finish);
    const image = imageOfSample(sample.image, this.settings.channels);
    check(image);
    const geometry = joinGeometry(this.#plan.leading, image, context.rng);
    return finish(warpImage(image, geometry), geometry);
  }

  /** Applies the steps that follow the leading geometry to an image and its annotations. */
  #changeBoth(
    image: RgbxImage | PlanarImage,
    annotations: Annotations,
    context: SampleContext,
  ): RgbxImage | PlanarImage {
    const { rest } = this.#plan;
    if (rest.length === 0) return image;
    let moved = this.#planar(image);
    for (const group of rest) {
      if (group.kind === 'pixels') {
        const { height, width } = moved;
        moved = group.change(moved, context);
        annotations.checkSize({ height, width }, moved);
        continue;
      }
      const geometry = joinGeometry(group.steps, moved, context.rng);
      moved = warpImage(moved, geometry);
      annotations.move(geometry);
    }
    return moved;
  }

  /** Decodes an image, applies all steps before `normalize`, and passes the result to `use`. */
  #make<R>(
    bytes: Uint8Array,
    name: string,
    context: SampleContext,
    use: (image: RgbxImage | PlanarImage) => R,
  ): MaybePromise<R> {
    const { rest } = this.#plan;
    return this.#decode(
      bytes,
      name,
      context,
      () => {},
      (moved) => use(rest.length === 0 ? moved : this.#change(this.#planar(moved), context)),
    );
  }

  /** Decodes an image, applies the leading geometry, and passes the result to `use`. */
  #decode<R>(
    bytes: Uint8Array,
    name: string,
    context: SampleContext,
    check: (size: PlanarSize) => void,
    use: (image: RgbxImage | PlanarImage, geometry: Geometry) => R,
  ): MaybePromise<R> {
    let geometry: Geometry | undefined;
    const choose = (size: PlanarSize) => {
      if (!geometry) check(size);
      geometry ??= joinGeometry(this.#plan.leading, size, context.rng);
      return this.#regionOf(geometry, size);
    };
    return this.#images.decode(bytes, name, choose, (image, place) =>
      use(this.#moved(image, geometryIn(geometry!, place, image)), geometry!),
    );
  }

  /** The part of an image that a geometry needs. */
  #regionOf(geometry: Geometry, size: PlanarSize): DecodeRegion {
    const { crop, matrix } = geometry;
    const { exact } = this.settings;
    if (!crop)
      return { needed: partOfWarp(geometry, size), shrink: exact ? 1 : shrinkBelow(leastSkip(matrix)) };
    if (!isWithin(crop)) return { needed: { x: 0, y: 0, ...size }, shrink: 1 };
    return { needed: reach(crop), shrink: exact ? 1 : shrinkOf(crop) };
  }

  #moved(image: RgbxImage, geometry: Geometry): RgbxImage | PlanarImage {
    const { crop, filter } = geometry;
    const { exact, channels } = this.settings;
    if (exact || channels !== 3) return warpImage(this.#planar(image), geometry);
    if (!crop) return warpPart(image, geometry, this.#images.workspace);
    return !crop.flipDown && filter === 'bilinear' && isWithin(crop)
      ? resample(image, crop, this.#images.workspace)
      : warpImage(this.#planar(image), geometry);
  }

  /** Applies the steps that follow the leading geometry. */
  #change(image: PlanarImage, context: SampleContext): PlanarImage {
    let changed = image;
    for (const group of this.#plan.rest) {
      changed =
        group.kind === 'pixels'
          ? group.change(changed, context)
          : warpImage(changed, joinGeometry(group.steps, changed, context.rng));
    }
    return changed;
  }

  #planar(image: RgbxImage | PlanarImage): PlanarImage {
    return 'channels' in image ? image : planarOf(image, this.settings.channels);
  }

  #shapeOf(size: PlanarSize): readonly number[] {
    const { crops } = this.#plan;
    if (!crops) return this.#finisher.shapeOf(size);
    const [height, width] = crops.size;
    return [cropCount(crops), ...this.#finisher.shapeOf({ height, width })];
  }

  #tensorOf(image: RgbxImage | PlanarImage, context: SampleContext): Tensor<ImageDType> {
    const tensor = zeroTensor(this.dtype, this.#shapeOf(image));
    this.#write(image, tensor.data, context);
    return tensor;
  }

  #write(image: RgbxImage | PlanarImage, target: TypedArrayOf<ImageDType>, context: SampleContext): void {
    const { crops } = this.#plan;
    const images = crops ? cutCrops(this.#planar(image), crops) : [image];
    const elements = target.length / images.length;
    for (const [k, each] of images.entries())
      this.#finisher.write(each, target.subarray(k * elements, (k + 1) * elements), context);
  }
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A geometry in pixels of a decoded part. */
function geometryIn(geometry: Geometry, place: DecodedPlace, part: PlanarSize): Geometry {
  const { crop, matrix } = geometry;
  return crop
    ? { ...geometry, crop: movedTo(crop, place.shrink, place.x, place.y, part) }
    : { ...geometry, matrix: matrixInPart(matrix, place) };
}
