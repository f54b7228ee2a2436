import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { keysOf } from '../core/record.js';
import type { ImageLayout } from './normalize-pixels.js';

export interface ImagePipelineOptions {
  /** Order of axes. @defaultValue `'NCHW'`: channels, height, width */
  readonly layout?: ImageLayout;
  /**
   * `'auto'`: libjpeg-turbo for JPEGs and libwebp for WebP, if koffi and the library are installed, and sharp for others.
   * `'sharp'`: sharp for all that it decodes. @defaultValue `'auto'`
   */
  readonly decoder?: 'auto' | 'sharp';
  /**
   * Whether results have Pillow's pixels: files are decoded at full size, and resizing has Pillow's precision. Otherwise, a JPEG or
   * WebP that becomes six times smaller or more is shrunk during decoding, which differs by a few levels of 255, and resizing differs by at
   * most one. @defaultValue `false`
   */
  readonly exact?: boolean;
  /** Most pixels of an image; larger ones are an error, before memory is allocated. @defaultValue 178,956,970, as in Pillow */
  readonly maxPixels?: number;
  /**
   * Whether a JPEG, PNG, BMP or binary PNM that ends too early is an error, or accepted as Pillow does with
   * `LOAD_TRUNCATED_IMAGES`: what is missing is gray in a JPEG and black elsewhere. @defaultValue `'error'`
   */
  readonly truncated?: 'error' | 'accept';
  /**
   * Whether EXIF orientation is ignored, or images are turned `'upright'`, as by Pillow's `ImageOps.exif_transpose`. A TIFF is always
   * upright, as in Pillow. @defaultValue `'stored'`
   */
  readonly orientation?: 'stored' | 'upright';
  /**
   * Whether an embedded color profile (ICC) is ignored, or colors are converted by it to `'srgb'`, as by Pillow's `ImageCms`. An image
   * without a profile stays as it is. @defaultValue `'ignore'`
   */
  readonly profile?: 'ignore' | 'srgb';
  /** The color behind transparent pixels. @defaultValue transparency is dropped, as by Pillow's `convert('RGB')` */
  readonly background?: readonly [red: number, green: number, blue: number];
  /** Whether gray of 16 bits keeps its high byte, or is cut off at 255 as by Pillow's `convert('RGB')`. @defaultValue `'scale'` */
  readonly gray16?: 'scale' | 'clip';
  /** 1: gray, as by Pillow's `convert('L')`; 3: RGB; 4: RGB and alpha, opaque for files without. @defaultValue `3` */
  readonly channels?: 1 | 3 | 4;
  /**
   * Element type of the result: uint8 levels from 0 to 255; float32 after `normalize`, or without it from 0 to 1; or the same as
   * float16, whose bits are in a uint16 tensor. @defaultValue `'float32'` after `normalize`, otherwise `'uint8'`
   */
  readonly dtype?: 'uint8' | 'float32' | 'float16';
}

const level = v.pipe(integerFrom(0), v.maxValue(255, 'must be 255 or less'));

const schema = v.strictObject({
  layout: v.optional(v.picklist(['NCHW', 'NHWC'], "must be 'NCHW' or 'NHWC'"), 'NCHW'),
  decoder: v.optional(v.picklist(['auto', 'sharp'], "must be 'auto' or 'sharp'"), 'auto'),
  exact: v.optional(booleanOption, false),
  maxPixels: v.optional(integerFrom(1), 178_956_970),
  truncated: v.optional(v.picklist(['error', 'accept'], "must be 'error' or 'accept'"), 'error'),
  orientation: v.optional(v.picklist(['stored', 'upright'], "must be 'stored' or 'upright'"), 'stored'),
  profile: v.optional(v.picklist(['ignore', 'srgb'], "must be 'ignore' or 'srgb'"), 'ignore'),
  background: v.optional(v.tuple([level, level, level], 'must be [red, green, blue], from 0 to 255')),
  gray16: v.optional(v.picklist(['scale', 'clip'], "must be 'scale' or 'clip'"), 'scale'),
  channels: v.optional(v.picklist([1, 3, 4], 'must be 1, 3 or 4'), 3),
  dtype: v.optional(v.picklist(['uint8', 'float32', 'float16'], "must be 'uint8', 'float32' or 'float16'")),
});

/** Options with their defaults. */
export type PipelineSettings = Required<Omit<ImagePipelineOptions, Optional>> &
  Pick<ImagePipelineOptions, Optional>;

type Optional = 'background' | 'dtype';

/** Names of the options, for datasets that take them among their own. */
export const pipelineOptionNames = keysOf(schema.entries);

/** @throws {@link ConfigError} naming every option at fault */
export function pipelineOptions(options: ImagePipelineOptions): PipelineSettings {
  const parsed = parseOptions('ImagePipeline options', schema, options) as PipelineSettings;
  if (parsed.background && parsed.channels === 4)
    throw new ConfigError('ImagePipeline options', [
      { field: 'background', message: 'has no effect with channels: 4, which keep transparency' },
    ]);
  return parsed;
}

/** The options that change pixels and are not the default, for a fingerprint. */
export function pixelSettings({ maxPixels: _, ...settings }: PipelineSettings): JsonObject {
  const usual = new Map(Object.entries(pipelineOptions({})));
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => usual.get(name) !== value));
}
