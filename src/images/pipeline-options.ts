import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { ImageLayout } from './normalize-pixels.js';

export interface ImagePipelineOptions {
  /** Order of axes. @defaultValue `'NCHW'`: channels, height, width */
  readonly layout?: ImageLayout;
  /**
   * JPEG decoder: libjpeg-turbo if koffi and the library are installed (`'auto'`), or sharp for all images. @defaultValue
   * `'auto'`
   */
  readonly decoder?: 'auto' | 'sharp';
  /**
   * Whether results have Pillow's pixels: JPEGs are decoded at full size, and resizing has Pillow's precision. Otherwise, a JPEG that
   * becomes six times smaller or more is shrunk during decoding, which differs by a few levels of 255, and resizing differs by at
   * most one. @defaultValue `false`
   */
  readonly exact?: boolean;
  /** Most pixels of an image; larger ones are an error, before memory is allocated. @defaultValue 178,956,970, as in Pillow */
  readonly maxPixels?: number;
}

const schema = v.strictObject({
  layout: v.optional(v.picklist(['NCHW', 'NHWC'], "must be 'NCHW' or 'NHWC'"), 'NCHW'),
  decoder: v.optional(v.picklist(['auto', 'sharp'], "must be 'auto' or 'sharp'"), 'auto'),
  exact: v.optional(booleanOption, false),
  maxPixels: v.optional(integerFrom(1), 178_956_970),
});

/** Options with their defaults. */
export type PipelineSettings = v.InferOutput<typeof schema>;

/** Names of the options, for datasets that take them among their own. */
export const pipelineOptionNames = Object.keys(schema.entries) as readonly (keyof ImagePipelineOptions)[];

/** @throws {@link ConfigError} naming every option at fault */
export function pipelineOptions(options: ImagePipelineOptions): PipelineSettings {
  return parseOptions('ImagePipeline options', schema, options);
}

/** The options that change pixels and are not the default, for a fingerprint. */
export function pixelSettings({ maxPixels: _, ...settings }: PipelineSettings): Partial<PipelineSettings> {
  const usual = pipelineOptions({});
  const names = Object.keys(settings) as (keyof typeof settings)[];
  return Object.fromEntries(
    names.filter((name) => settings[name] !== usual[name]).map((name) => [name, settings[name]]),
  );
}
