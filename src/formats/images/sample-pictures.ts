import type { SampleContext } from '../../core/dataset.js';
import type { TypedArrayOf } from '../../core/dtype.js';
import { ConfigError } from '../../core/errors.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { propertyOf } from '../../core/property-of.js';
import type { ImageDType } from '../../images/image-finisher.js';
import { imageKind } from '../../images/image-kind.js';
import { ImagePipeline } from '../../images/index.js';
import { isImage } from './image-names.js';
import type { PictureSettings } from './picture-settings.js';

/** A file among the values of a sample. */
interface StoredPicture {
  readonly bytes: Uint8Array;
  readonly path?: string;
}

/** How the pictures of samples are found and called. */
export interface PictureSource {
  /** For messages: `WebDataset options`. */
  readonly subject: string;
  /** What values have names of: `column`, `ending`. */
  readonly noun: string;
  /** The picture that a value is, if it is one. */
  readonly pictureOf: (name: string, value: unknown) => StoredPicture | undefined;
}

/** Files of a tar: the ending of a name identifies pictures. */
export const tarPictures: PictureSource = {
  subject: 'WebDataset options',
  noun: 'ending',
  pictureOf: (ending, value) =>
    ending !== '__key__' && isImage(`x.${ending}`) && value instanceof Uint8Array
      ? { bytes: value }
      : undefined,
};

/** Columns of rows: bytes that begin as a picture does, or an object `{ bytes, path }` as Hugging Face `datasets` stores them. */
export function columnPictures(subject: string): PictureSource {
  return { subject, noun: 'column', pictureOf: (_, value) => storedPicture(value) };
}

function storedPicture(value: unknown): StoredPicture | undefined {
  if (value instanceof Uint8Array) return imageKind(value) ? { bytes: value } : undefined;
  const bytes = propertyOf(value, 'bytes');
  if (!(bytes instanceof Uint8Array)) return undefined;
  const path = propertyOf(value, 'path');
  return typeof path === 'string' ? { bytes, path } : { bytes };
}

/** Turns the picture of each sample into a tensor. */
export class SamplePictures {
  readonly #source: PictureSource;
  readonly #pipeline: ImagePipeline;

  constructor(source: PictureSource, { steps, options }: PictureSettings) {
    this.#source = source;
    this.#pipeline = new ImagePipeline(steps, options);
  }

  /**
   * Makes the picture of a sample, in place of its bytes.
   *
   * @param file - Location of the sample, for messages.
   * @throws {@link ConfigError} unless one of the values is a picture; {@link FormatError} if the picture is damaged.
   */
  apply<T extends Readonly<Record<string, unknown>>>(
    sample: T,
    file: string,
    context: SampleContext,
  ): MaybePromise<T> {
    const { name, bytes, path } = this.#pictureOf(sample, file);
    const made = this.#pipeline.run(bytes, path, context);
    return andThen(made, (tensor) => ({ ...sample, [name]: tensor }));
  }

  /** Shape and dtype of every picture; `undefined` if the shape depends on the picture. */
  get fixed(): { readonly shape: readonly number[]; readonly dtype: ImageDType } | undefined {
    const { fixedShape: shape, dtype } = this.#pipeline;
    return shape && { shape, dtype };
  }

  /** Like {@link apply}, into memory for a picture of the {@link fixed} shape. */
  applyInto(
    sample: Readonly<Record<string, unknown>>,
    file: string,
    context: SampleContext,
    target: TypedArrayOf<ImageDType>,
  ): MaybePromise<void> {
    const { bytes, path } = this.#pictureOf(sample, file);
    return this.#pipeline.runInto(bytes, path, context, target);
  }

  #pictureOf(
    sample: Readonly<Record<string, unknown>>,
    file: string,
  ): { readonly name: string; readonly bytes: Uint8Array; readonly path: string } {
    const { noun, pictureOf } = this.#source;
    const values = typeof sample === 'object' && sample !== null ? Object.entries(sample) : [];
    const [first, second] = values.flatMap(([name, value]) => {
      const picture = pictureOf(name, value);
      return picture ? [{ name, picture }] : [];
    });
    if (!first) {
      const names = values.map(([name]) => name).filter((name) => name !== '__key__');
      throw this.#refusal(`a sample has no picture among its ${noun}s: ${names.join(', ')} (${file})`);
    }
    if (second)
      throw this.#refusal(
        `a sample has several pictures, ${first.name} and ${second.name}, which would move apart: choose one with columns, ` +
          `or pass image and mask to ImagePipeline.apply in a transform of the loader`,
      );
    const { name, picture } = first;
    return { name, bytes: picture.bytes, path: picture.path ?? `${file}.${name}` };
  }

  #refusal(message: string): ConfigError {
    return new ConfigError(this.#source.subject, [{ field: 'transforms', message }]);
  }
}
