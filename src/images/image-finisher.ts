import type { SampleContext } from '../core/dataset.js';
import type { TypedArrayOf } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { eraseRandom } from './apply/erase-random.js';
import type { OwnFloatStep } from './augment/after-normalize.js';
import type { ErasingStep } from './augment/erasing-step.js';
import { checkedFloats } from './check-own-step.js';
import { halfBits } from './half-float.js';
import type { NormalizeOptions } from './image-transform.js';
import type { ImageWorkspace } from './image-workspace.js';
import { type ChannelScaling, copyPixels, normalizePixels } from './normalize-pixels.js';
import type { PipelineSettings } from './pipeline-options.js';
import { planarOf, writePlanar, writeValues } from './planar/convert-pixels.js';
import type { PlanarImage, PlanarSize } from './planar/planar-image.js';
import type { RgbxImage } from './rgbx-image.js';

/** Dtype of a finished image. The bits of float16 are in uint16. */
export type ImageDType = 'float32' | 'uint8' | 'uint16';

/** A step that follows `normalize`. */
export type FinishingStep = ErasingStep | OwnFloatStep;

/** Makes the result of an image whose pixels are done: normalizes, runs the steps after it, converts and lays out. */
export class ImageFinisher {
  readonly dtype: ImageDType;
  readonly #settings: PipelineSettings;
  readonly #steps: readonly FinishingStep[];
  /** Memory for one image. */
  readonly #workspace: () => ImageWorkspace;
  readonly #scaling: ChannelScaling | undefined;
  /** For each channel, the value of each level; `undefined`: the levels themselves. */
  readonly #levels: readonly (Float32Array | Uint16Array)[] | undefined;
  /** The same in float32, if steps follow that need all values. */
  readonly #floats: readonly Float32Array[] | undefined;

  /** @throws {@link ConfigError} if the settings do not fit `normalize` */
  constructor(
    settings: PipelineSettings,
    normalize: NormalizeOptions | undefined,
    steps: readonly FinishingStep[],
    workspace: () => ImageWorkspace,
  ) {
    const { channels, dtype = normalize ? 'float32' : 'uint8' } = settings;
    checkSettings(settings, normalize, steps);
    this.#settings = settings;
    this.#steps = steps;
    this.#workspace = workspace;
    this.dtype = dtype === 'float16' ? 'uint16' : dtype;
    if (dtype === 'uint8') return;
    const scaling = scalingOf(normalize ?? unscaled(channels));
    const floats = levelsOf(scaling);
    const needsFloats = steps.some(
      (step) => step.type === 'afterNormalize' || (dtype === 'float16' && step.type === 'randomErasing'),
    );
    if (needsFloats) this.#floats = floats;
    else if (dtype === 'float16') this.#levels = floats.map((levels) => Uint16Array.from(levels, halfBits));
    else {
      this.#levels = floats;
      this.#scaling = scaling;
    }
  }

  /** Whether pixels of four bytes can be written as they are; otherwise they become channels first. */
  get takesPacked(): boolean {
    return this.#settings.channels === 3 && !this.#floats && this.dtype !== 'uint16';
  }

  /** Shape of a result. */
  shapeOf({ height, width }: PlanarSize): readonly number[] {
    const { layout, channels } = this.#settings;
    return layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
  }

  /** Writes the result. @throws {@link ShapeError} if a step of the user returns another shape */
  write(image: RgbxImage | PlanarImage, target: TypedArrayOf<ImageDType>, context: SampleContext): void {
    const { layout, channels } = this.#settings;
    if (this.#floats) {
      this.#writeFloats(planar(image, channels), this.#floats, target, context);
      return;
    }
    if ('channels' in image) writePlanar(image, layout, target, this.#levels);
    else if (!this.takesPacked) writePlanar(planarOf(image, channels), layout, target, this.#levels);
    else if (this.#scaling && target instanceof Float32Array)
      normalizePixels(image, this.#scaling, layout, target, this.#workspace());
    else if (target instanceof Uint8Array) copyPixels(image, layout, target, this.#workspace());
    // A float16 image is erased before it is rounded.
    if (target instanceof Uint16Array) return;
    const { height, width } = image;
    const erasable = { channels, height, width, layout, data: target };
    for (const step of this.#steps)
      if (step.type === 'randomErasing') eraseRandom(erasable, step, context.rng);
  }

  #writeFloats(
    image: PlanarImage,
    levels: readonly Float32Array[],
    target: TypedArrayOf<ImageDType>,
    context: SampleContext,
  ): void {
    const { channels, height, width } = image;
    let data: Float32Array = new Float32Array(image.data.length);
    writePlanar(image, 'NCHW', data, levels);
    for (const [k, step] of this.#steps.entries()) {
      if (step.type === 'randomErasing')
        eraseRandom({ channels, height, width, layout: 'NCHW', data }, step, context.rng);
      else data = checkedFloats(step.change, { data, shape: [channels, height, width] }, context, k);
    }
    const values = target instanceof Uint16Array ? Uint16Array.from(data, halfBits) : data;
    writeValues({ channels, height, width, data: values }, this.#settings.layout, target);
  }
}

function planar(image: RgbxImage | PlanarImage, channels: 1 | 3 | 4): PlanarImage {
  return 'channels' in image ? image : planarOf(image, channels);
}

function checkSettings(
  { channels, dtype }: PipelineSettings,
  normalize: NormalizeOptions | undefined,
  steps: readonly FinishingStep[],
): void {
  const refuse = (field: string, message: string): never => {
    throw new ConfigError('ImagePipeline options', [{ field, message }]);
  };
  if (normalize && dtype === 'uint8')
    refuse('dtype', "is 'uint8', but normalize makes fractions: leave out one of them");
  if (normalize && normalize.mean.length !== channels)
    refuse(
      'channels',
      `is ${channels}, but normalize has ${normalize.mean.length} means: pass one mean and one deviation for each channel`,
    );
  const erasing = steps.find((step) => step.type === 'randomErasing');
  if (channels === 1 && erasing && typeof erasing.value === 'object')
    refuse('channels', 'is 1, but randomErasing has a value for red, green and blue: pass one number');
}

/** Levels on a scale from 0 to 1. */
function unscaled(channels: number): NormalizeOptions {
  const each = (value: number) => Array.from({ length: channels }, () => value) as [number];
  return { mean: each(0), std: each(1) };
}

function scalingOf({ mean, std }: NormalizeOptions): ChannelScaling {
  return {
    scale: std.map((deviation) => 1 / (255 * deviation)),
    bias: mean.map((value, c) => -value / std[c]!),
  };
}

/** Tables of what `normalizePixels` computes, in float32. */
function levelsOf({ scale, bias }: ChannelScaling): Float32Array[] {
  return scale.map((factor, channel) =>
    Float32Array.from(
      { length: 256 },
      (_, value) => Math.fround(value * Math.fround(factor)) + Math.fround(bias[channel]!),
    ),
  );
}
