import type { SampleContext } from '../../../core/dataset.js';
import { ConfigError } from '../../../core/errors.js';
import type { MaybePromise } from '../../../core/maybe-promise.js';
import { neverSkipped, type SampleCache } from '../../batch/sample-cache.js';
import { type Asked, FixedContext } from './fixed-context.js';
import { foreignPart } from './plain-data.js';

/** Bytes of samples by index. */
export interface SampleStore {
  /** The bytes of a sample; `undefined` if they are not kept or are damaged. */
  read(index: number): Uint8Array | undefined;
  /** Keeps the bytes of a sample, if there is room. */
  write(index: number, bytes: Uint8Array): void;
}

/** A cache of samples as bytes: each use of a sample has a copy of its own. */
export class KeptSamples implements SampleCache {
  readonly #store: SampleStore;
  readonly #v8 = process.getBuiltinModule('node:v8');

  constructor(store: SampleStore) {
    this.#store = store;
  }

  sample(context: SampleContext, make: (context: SampleContext) => unknown): MaybePromise<unknown> {
    const { index } = context;
    const bytes = this.#store.read(index);
    if (bytes) return this.#v8.deserialize(bytes);
    const asked: Asked = { what: undefined };
    const keep = (sample: unknown): unknown => {
      refuseDraws(asked, index);
      this.#keep(index, sample);
      return sample;
    };
    const failed = (cause: unknown): never => {
      // The transform failed because of the refusal.
      refuseDraws(asked, index);
      throw cause;
    };
    try {
      const made = make(new FixedContext(context, asked));
      return made instanceof Promise ? made.then(keep, failed) : keep(made);
    } catch (cause) {
      return failed(cause);
    }
  }

  #keep(index: number, sample: unknown): void {
    const foreign = foreignPart(sample);
    if (foreign) {
      throw refusal(
        index,
        `keeps plain data (numbers, strings, typed arrays, tensors, arrays, objects), but the sample has ${foreign}`,
      );
    }
    this.#store.write(index, this.#v8.serialize(sample));
  }
}

function refuseDraws({ what }: Asked, index: number): void {
  if (what === undefined) return;
  throw refusal(
    index,
    `keeps samples that are always the same, but the dataset or the transform asks for ${what}: move what is random into the ` +
      'collate function, or leave the option out',
  );
}

function refusal(index: number, message: string): ConfigError {
  const error = new ConfigError('DataLoader options', [{ field: 'cacheSamples', message }], {
    where: { index },
  });
  return Object.assign(error, { [neverSkipped]: true });
}
