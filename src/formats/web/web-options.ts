import * as v from 'valibot';
import { ConfigError, FormatError, MillraceError } from '../../core/errors.js';
import { fieldCollates } from '../../core/field-collates.js';
import { andThen, andThenAll, type MaybePromise, mapError } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import { messageOf } from '../../core/thrown.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import {
  type PictureOptions,
  type PictureSettings,
  pictureIdentity,
  pictureOptions,
} from '../images/picture-settings.js';
import type { RecordReader } from '../records/record-reader.js';
import { decodeMember } from './member-decoders.js';
import type { WebMember } from './web-samples.js';
import { wholeNumberCollates } from './whole-numbers.js';

/** A sample: the values of its files by ending, and their common name. */
export type WebSampleValues = Readonly<Record<string, unknown>> & { readonly __key__: string };

export interface WebDatasetOptions extends StorageOptions, PictureOptions {
  /** Endings of the files that a sample has. @defaultValue all */
  readonly columns?: readonly string[];
  /**
   * Whether `json`, `txt`, `cls`, `npy` and the like are decoded, as in the webdataset package. Images without `transforms`, and
   * other files, stay bytes. In a batch, classes (`cls`) are int32 and other whole numbers int64. @defaultValue `true`
   */
  readonly decode?: boolean;
}

/** How samples are decoded. */
export interface WebReading {
  readonly columns?: readonly string[] | undefined;
  readonly decode: boolean;
  readonly maxDecompressedBytes: number;
  /** How pictures are made; absent: they stay bytes. */
  readonly pictures?: PictureSettings | undefined;
}

const schema = v.looseObject({
  columns: v.optional(v.array(v.string())),
  decode: v.optional(v.boolean(), true),
});

/** @throws {@link ConfigError} */
export function webOptions(options: WebDatasetOptions): { reading: WebReading; storage: StorageOptions } {
  const { pictures, rest } = pictureOptions('WebDataset options', options);
  const { columns, decode, ...storage } = parseOptions('WebDataset options', schema, rest);
  const { maxDecompressedBytes } = storageOptions(storage);
  return { reading: { columns, decode, maxDecompressedBytes, pictures }, storage };
}

/** What identifies samples that are decoded so, for a fingerprint. */
export function readingIdentity({ columns, decode, pictures }: WebReading) {
  return {
    columns: columns ?? null,
    decode,
    ...(pictures && { pictures: pictureIdentity(pictures) }),
  };
}

/**
 * Reads and decodes the files of a sample.
 *
 * @throws {@link FormatError} if a file cannot be decoded; {@link ConfigError} if a chosen file is not there.
 */
export function readSample(
  reader: RecordReader,
  key: string,
  members: readonly WebMember[],
  { columns, decode, maxDecompressedBytes }: WebReading,
): MaybePromise<WebSampleValues> {
  const wanted = columns
    ? columns.map(
        (ending) => members.find((member) => member.ending === ending) ?? missing(reader, key, ending),
      )
    : members;
  const values = wanted.map(({ ending, start, end }) =>
    andThen(reader.read(start, end), (bytes) => {
      if (!decode) return Uint8Array.from(bytes);
      return mapError(
        () => decodeMember(ending, bytes, maxDecompressedBytes),
        (cause) => undecodable(reader, key, ending, start, cause),
      );
    }),
  );
  const own = wholeNumberCollates(wanted.map(({ ending }) => ending));
  return andThenAll(values, (made) => ({
    __key__: key,
    ...Object.fromEntries(wanted.map(({ ending }, k) => [ending, made[k]])),
    ...(decode && own && { [fieldCollates]: own }),
  }));
}

function undecodable(
  reader: RecordReader,
  key: string,
  ending: string,
  byteOffset: number,
  cause: unknown,
): FormatError {
  const what = cause instanceof MillraceError ? cause.message.split(' (')[0] : messageOf(cause);
  return new FormatError(`The file ${ending} of the sample ${key} cannot be decoded: ${what}`, {
    where: { file: reader.source.name, sample: key, byteOffset },
    next: 'Fix the shard, or read undecoded bytes with { decode: false }.',
    cause,
  });
}

function missing(reader: RecordReader, key: string, ending: string): never {
  const where = { file: reader.source.name, sample: key };
  throw new ConfigError(
    'WebDataset options',
    [{ field: 'columns', message: `the sample ${key} has no file with the ending ${ending}` }],
    { where, next: 'Choose endings that all samples have with { columns: […] }.' },
  );
}
