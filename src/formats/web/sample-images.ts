import type { SampleContext } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { ownValue } from '../../core/record.js';
import type { ImagePipelineOptions } from '../../images/image-pipeline.js';
import { ImagePipeline, type ImageTransform } from '../../images/index.js';
import { stepsIdentity } from '../../images/movable-steps.js';
import { isImage } from '../images/image-names.js';
import type { PictureSettings } from '../images/picture-settings.js';

/** Options of a dataset whose samples hold pictures among other files. */
export interface PictureOptions extends ImagePipelineOptions {
  /** Steps applied to each picture, which is bytes otherwise: see `ImagePipeline`. @defaultValue none */
  readonly transforms?: readonly ImageTransform[];
}

/** Takes the options of pictures out of the options of a dataset. */
export function pictureOptions<T extends PictureOptions>(
  options: T,
): { readonly pictures: PictureSettings | undefined; readonly rest: Omit<T, keyof PictureOptions> } {
  const { transforms, layout, decoder, exact, maxPixels, ...rest } = options;
  const given = Object.entries({ layout, decoder, exact, maxPixels }).filter(
    ([, value]) => value !== undefined,
  );
  if (!transforms) {
    if (given.length === 0) return { pictures: undefined, rest };
    throw new ConfigError('WebDataset options', [
      { field: given[0]![0], message: 'has no effect without transforms' },
    ]);
  }
  return { pictures: { steps: transforms, options: Object.fromEntries(given) }, rest };
}

/** Turns the picture of each sample into a tensor. */
export class SamplePictures {
  readonly #pipeline: ImagePipeline;

  constructor({ steps, options }: PictureSettings) {
    this.#pipeline = new ImagePipeline(steps, options);
  }

  /** The dtype, shape and steps of the pictures, for a fingerprint. */
  static identity({ steps, options: { maxPixels: _, ...options } }: PictureSettings): string {
    return JSON.stringify([stepsIdentity(steps), options]);
  }

  /**
   * Makes the picture of a sample, in place of its bytes.
   *
   * @param file - Location of the sample, for messages.
   * @throws {@link ConfigError} unless one of the files is a picture; {@link FormatError} if the picture is damaged.
   */
  apply<T extends Readonly<Record<string, unknown>>>(
    sample: T,
    file: string,
    context: SampleContext,
  ): MaybePromise<T> {
    const names = Object.keys(sample).filter((ending) => ending !== '__key__');
    const [name, second] = names.filter((ending) => isImage(`x.${ending}`));
    if (name === undefined) throw refusal(`a sample has no picture among its files: ${names.join(', ')}`);
    if (second !== undefined) {
      throw refusal(
        `a sample has several pictures, ${name} and ${second}, which would move apart: choose one with columns, ` +
          `or pass image and mask to ImagePipeline.apply in a transform of the loader`,
      );
    }
    const bytes = ownValue(sample, name) as Uint8Array;
    return andThen(this.#pipeline.run(bytes, `${file}.${name}`, context), (picture) => ({
      ...sample,
      [name]: picture,
    }));
  }
}

function refusal(message: string): ConfigError {
  return new ConfigError('WebDataset options', [{ field: 'transforms', message }]);
}
