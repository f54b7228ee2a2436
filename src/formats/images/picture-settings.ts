import { ConfigError } from '../../core/errors.js';
import type { ImageTransform } from '../../images/index.js';
import { stepsIdentity } from '../../images/movable-steps.js';
import { type ImagePipelineOptions, pipelineOptionNames } from '../../images/pipeline-options.js';

/** Options of a dataset whose samples hold pictures among other values. */
export interface PictureOptions extends ImagePipelineOptions {
  /** Steps applied to the picture of each sample, which is bytes otherwise: see `ImagePipeline`. @defaultValue none */
  readonly transforms?: readonly ImageTransform[];
}

/** What workers need to make the same pictures. */
export interface PictureSettings {
  readonly steps: readonly ImageTransform[];
  readonly options: ImagePipelineOptions;
}

/**
 * Takes the options of pictures out of the options of a dataset.
 *
 * @param subject - For messages: `WebDataset options`.
 * @throws {@link ConfigError} for options that need `transforms`
 */
export function pictureOptions<T extends PictureOptions>(
  subject: string,
  options: T,
): { readonly pictures: PictureSettings | undefined; readonly rest: Omit<T, keyof PictureOptions> } {
  const names: readonly string[] = pipelineOptionNames;
  const { transforms, ...others } = options;
  const entries = Object.entries(others);
  const given = entries.filter(([name, value]) => names.includes(name) && value !== undefined);
  const rest = Object.fromEntries(entries.filter(([name]) => !names.includes(name))) as Omit<
    T,
    keyof PictureOptions
  >;
  if (transforms) return { pictures: { steps: transforms, options: Object.fromEntries(given) }, rest };
  if (given.length === 0) return { pictures: undefined, rest };
  throw new ConfigError(
    subject,
    given.map(([field]) => ({ field, message: 'has no effect without transforms' })),
    { next: 'Pass transforms: [] to decode pictures without other steps.' },
  );
}

/** What pictures look like, for a fingerprint. */
export function pictureIdentity({ steps, options: { maxPixels: _, ...options } }: PictureSettings): string {
  return JSON.stringify([stepsIdentity(steps), options]);
}
