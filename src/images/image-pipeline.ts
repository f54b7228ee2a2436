import pLimit from 'p-limit';
import * as v from 'valibot';
import type { SampleContext } from '../core/dataset.js';
import type { TypedArrayOf } from '../core/dtype.js';
import { ConfigError, FormatError, MillraceError, MissingPeerError } from '../core/errors.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type Tensor, zeroTensor } from '../core/tensor.js';
import { jitterColors } from './color-jitter.js';
import { type CropGeometry, cropGeometry } from './crop-geometry.js';
import { decodeBmp, isBmp } from './decode-bmp.js';
import { decodePnm, isPnm } from './decode-pnm.js';
import { movedTo, reach, shrinkOf } from './decoded-part.js';
import type { ImageTransform, NormalizeOptions } from './image-transform.js';
import { ImageWorkspace } from './image-workspace.js';
import { type ChannelScaling, copyPixels, type ImageLayout, normalizePixels } from './normalize-pixels.js';
import type { PackedPixels } from './packed-pixels.js';
import { resample } from './resample.js';
import type { RgbxImage } from './rgbx-image.js';
import { decodeWithSharp } from './sharp-decoder.js';
import { TurboJpeg } from './turbo-jpeg.js';
import { unpackPixels } from './unpack-pixels.js';

export interface ImagePipelineOptions {
  /** Order of axes. @defaultValue `'NCHW'`: channels, height, width */
  readonly layout?: ImageLayout;
  /**
   * JPEG decoder: libjpeg-turbo if koffi and the library are installed (`'auto'`), or sharp for all images. @defaultValue
   * `'auto'`
   */
  readonly decoder?: 'auto' | 'sharp';
  /**
   * Whether JPEGs are always decoded at full size. Otherwise, a JPEG that becomes six times smaller or more is shrunk during
   * decoding, which is faster and differs by a few levels of 255. @defaultValue `false`
   */
  readonly exact?: boolean;
  /** Most pixels of an image; larger ones are an error, before memory is allocated. @defaultValue 178,956,970, as in Pillow */
  readonly maxPixels?: number;
}

const defaultMaxPixels = 178_956_970;

/** Images that sharp decodes concurrently, whatever the batch size: it has four threads. */
const decodedTogether = 4;

/** Dtype of a finished image: float32 after `normalize`, otherwise uint8. */
export type ImageDType = 'float32' | 'uint8';

/**
 * Turns image files into tensors: decodes only the needed part of a JPEG, crops, resizes, flips, changes colors and normalizes,
 * in one pass over the pixels if possible, directly into the memory of the batch. Use one instance per thread.
 *
 * Order of steps: those that move pixels, `colorJitter`, `normalize`. Results do not depend on the number of workers or on
 * SIMD. Both decoders match Pillow within one level of 255 (a few levels for JPEGs that become six times smaller or more,
 * unless `exact`). As in Pillow, color profiles are ignored, alpha is dropped, files that a decoder only warns about are read,
 * and EXIF orientation rotates TIFF only. 16-bit gray keeps its high byte; Pillow clips it at 255.
 */
export class ImagePipeline {
  readonly steps: readonly ImageTransform[];
  readonly layout: ImageLayout;
  readonly decoder: 'auto' | 'sharp';
  readonly dtype: ImageDType;
  readonly exact: boolean;
  readonly maxPixels: number;
  readonly #limit = pLimit(decodedTogether);
  readonly #scaling: ChannelScaling | undefined;
  #workspace: ImageWorkspace | undefined;
  /** `null` before the first use. */
  #turbo: TurboJpeg | undefined | null = null;

  /** @throws {@link ConfigError} if the steps are not in the order above. */
  constructor(steps: readonly ImageTransform[], options: ImagePipelineOptions = {}) {
    checkOrder(steps);
    this.steps = steps;
    this.layout = options.layout ?? 'NCHW';
    this.decoder = options.decoder ?? 'auto';
    this.exact = options.exact ?? false;
    this.maxPixels = maxPixelsOf(options.maxPixels);
    const last = steps.at(-1);
    this.#scaling = last?.type === 'normalize' ? scalingOf(last) : undefined;
    this.dtype = this.#scaling ? 'float32' : 'uint8';
  }

  /** Height and width of every result; `undefined` if they depend on the image. */
  get fixedSize(): readonly [height: number, width: number] | undefined {
    let size: readonly [number, number] | undefined;
    for (const step of this.steps) {
      if (step.type === 'centerCrop' || step.type === 'randomResizedCrop') size = step.size;
      else if (step.type === 'resize') size = typeof step.size === 'number' ? undefined : step.size;
    }
    return size;
  }

  /**
   * Makes an image from the bytes of its file. Synchronous for JPEGs if libjpeg-turbo is installed.
   *
   * @param name - Path of the image, for messages.
   * @returns shape `[3, H, W]` or `[H, W, 3]`.
   * @throws {@link FormatError} if the bytes are damaged or not an image.
   */
  run(bytes: Uint8Array, name: string, context: SampleContext): MaybePromise<Tensor<ImageDType>> {
    return this.#make(bytes, name, context, (image) => {
      const tensor = zeroTensor(this.dtype, this.#shapeOf(image));
      this.#finish(image, tensor.data);
      return tensor;
    });
  }

  /** Like {@link run}, into memory of `3 * H * W` elements. Requires a {@link fixedSize}. */
  runInto(
    bytes: Uint8Array,
    name: string,
    context: SampleContext,
    target: TypedArrayOf<ImageDType>,
  ): MaybePromise<void> {
    return this.#make(bytes, name, context, (image) => this.#finish(image, target));
  }

  #shapeOf({ width, height }: RgbxImage): readonly number[] {
    return this.layout === 'NCHW' ? [3, height, width] : [height, width, 3];
  }

  /** Makes the image and passes it to `use` synchronously: after any wait, the workspace may hold the next image. */
  #make<R>(
    bytes: Uint8Array,
    name: string,
    context: SampleContext,
    use: (image: RgbxImage) => R,
  ): MaybePromise<R> {
    this.#workspace ??= new ImageWorkspace();
    const workspace = this.#workspace;
    const isWhole = isJpeg(bytes) && hasEndMark(bytes);
    const fast = isWhole ? this.#turboJpeg() : undefined;
    let refusal: string | undefined = isJpeg(bytes) && !isWhole ? 'it has no end mark' : undefined;
    if (fast) {
      let geometry: CropGeometry | undefined;
      let shrink = 1;
      const decoded = fast.decode(
        bytes,
        (size) => {
          this.#checkSize(size.width, size.height, name);
          geometry = cropGeometry(this.steps, size, context.rng);
          shrink = this.exact ? 1 : shrinkOf(geometry);
          return { needed: reach(geometry), shrink };
        },
        workspace,
      );
      if ('image' in decoded) {
        const moved = movedTo(geometry!, shrink, decoded.x, decoded.y, decoded.image);
        return use(this.#show(decoded.image, moved, workspace, context));
      }
      refusal = decoded.refused;
    }
    const useWhole = (pixels: PackedPixels): R => {
      const image = unpackPixels(pixels, workspace);
      return use(this.#show(image, cropGeometry(this.steps, image, context.rng), workspace, context));
    };
    const decodePlain = isBmp(bytes) ? decodeBmp : isPnm(bytes) ? decodePnm : undefined;
    if (decodePlain)
      return useWhole(
        asDamage(name, () => decodePlain(bytes, (width, height) => this.#checkSize(width, height, name))),
      );
    // sharp decides on files that libjpeg-turbo refuses, so that both decoders read the same files.
    return this.#limit(async () => {
      const pixels = await decodeWithSharp(bytes, this.maxPixels).catch((cause: Error) => {
        if (cause instanceof MissingPeerError && refusal !== undefined && refusal !== 'it is CMYK')
          throw damaged(name, refusal, cause);
        throw cause instanceof MillraceError ? cause : damaged(name, cause.message, cause);
      });
      return useWhole(pixels);
    });
  }

  #checkSize(width: number, height: number, name: string): void {
    if (width * height <= this.maxPixels) return;
    throw new FormatError(`The image has more pixels than ${this.maxPixels}`, {
      where: { file: name, width, height },
      next: 'Make it smaller, or pass a larger maxPixels if you trust the file.',
    });
  }

  #show(
    image: RgbxImage,
    geometry: CropGeometry,
    workspace: ImageWorkspace,
    context: SampleContext,
  ): RgbxImage {
    const shown = resample(image, geometry, workspace);
    for (const step of this.steps) if (step.type === 'colorJitter') jitterColors(shown, step, context.rng);
    return shown;
  }

  #finish(image: RgbxImage, target: TypedArrayOf<ImageDType>): void {
    if (this.#scaling)
      normalizePixels(image, this.#scaling, this.layout, target as Float32Array, this.#workspace!);
    else copyPixels(image, this.layout, target as Uint8Array);
  }

  #turboJpeg(): TurboJpeg | undefined {
    if (this.#turbo === null) this.#turbo = this.decoder === 'auto' ? TurboJpeg.open() : undefined;
    return this.#turbo;
  }
}

const rankOf: Record<ImageTransform['type'], number> = {
  resize: 0,
  centerCrop: 0,
  randomResizedCrop: 0,
  randomHorizontalFlip: 0,
  colorJitter: 1,
  normalize: 2,
};

function checkOrder(steps: readonly ImageTransform[]): void {
  steps.forEach((step, k) => {
    const before = steps[k - 1];
    const isWrong = before && (rankOf[step.type] < rankOf[before.type] || before.type === 'normalize');
    if (!isWrong) return;
    throw new ConfigError('Image transforms', [
      {
        field: `[${k}]`,
        message: `${step.type} cannot come after ${before.type}: first crops, sizes and flips, then colorJitter, then normalize`,
      },
    ]);
  });
}

function scalingOf({ mean, std }: NormalizeOptions): ChannelScaling {
  const perChannel = (value: (channel: 0 | 1 | 2) => number) => [value(0), value(1), value(2)] as const;
  return {
    scale: perChannel((c) => 1 / (255 * std[c])),
    bias: perChannel((c) => -mean[c] / std[c]),
  };
}

/** Bytes at the end of a JPEG that are searched for its end marker. */
const mostStrayBytes = 256;

/**
 * Whether a JPEG has its end marker. libjpeg-turbo reads only as far as a crop needs: without this check, the position of the
 * crop would decide whether a truncated file is read or refused.
 */
function hasEndMark(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= Math.max(0, bytes.length - mostStrayBytes); at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/** Adds the file to a decoder's error. */
function asDamage<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : damaged(name, (cause as Error).message, cause as Error);
  }
}

function maxPixelsOf(given: number | undefined): number {
  if (given === undefined) return defaultMaxPixels;
  const schema = v.strictObject({ maxPixels: integerFrom(1) });
  return parseOptions('ImagePipeline options', schema, { maxPixels: given }).maxPixels;
}

function damaged(name: string, reason: string, cause?: Error): FormatError {
  return new FormatError(`The image cannot be decoded: ${reason}`, {
    where: { file: name },
    next: `Replace the file, or pass onError: 'skip' to leave such images out.`,
    cause,
  });
}
