import { MillraceError, SampleError } from '../../core/errors.js';
import { type CompareOptions, compareBatch, type Difference } from './compare-batch.js';
import { readDump } from './dump-file.js';

/** An iterable of batches. Each iteration is an epoch. */
export type BatchSource = AsyncIterable<unknown> | Iterable<unknown>;

export interface VerifyOptions extends CompareOptions {
  /** Batches to compare at most. */
  readonly limit: number;
  readonly onBatch: (compared: number) => void;
}

/** Result of a comparison. */
export interface Verification {
  /** Number of equal batches. */
  readonly batches: number;
  /** Number of epochs started. */
  readonly epochs: number;
  /** The first difference, if any. */
  readonly difference: (Difference & { readonly epoch: number; readonly batch: number }) | undefined;
}

/**
 * Compares the batches of a loader with those of a dump, in order, up to the first difference.
 *
 * @throws {@link SampleError} with epoch and batch if the loader throws, and the errors of {@link readDump}.
 */
export async function verifyAgainst(
  loader: BatchSource,
  dump: string,
  options: VerifyOptions,
): Promise<Verification> {
  const epochs = new Epochs(loader);
  let batches = 0;
  const result = (difference?: Difference): Verification => ({
    batches,
    epochs: epochs.begun,
    difference: difference && { ...difference, epoch: epochs.epoch, batch: epochs.batch },
  });
  try {
    for await (const entry of readDump(dump)) {
      if (batches === options.limit) return result();
      if ('end' in entry) return entry.limited ? result() : result(await epochs.expectEnd());
      if (entry.epoch !== epochs.epoch || epochs.begun === 0) {
        const more = epochs.begun > 0 ? await epochs.expectEnd() : undefined;
        if (more) return result(more);
        epochs.begin(entry.epoch);
      }
      const next = await epochs.next();
      if (next.done) return result({ path: '', dumped: 'another batch', here: 'the end of the epoch' });
      const difference = compareBatch(next.value, entry.value, options);
      if (difference) return result(difference);
      batches += 1;
      epochs.batch += 1;
      options.onBatch(batches);
    }
    return result();
  } finally {
    await epochs.leave();
  }
}

/** Iterates a loader epoch by epoch and tracks the position. */
class Epochs {
  epoch = 0;
  batch = 0;
  begun = 0;
  readonly #loader: BatchSource;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;

  constructor(loader: BatchSource) {
    this.#loader = loader;
  }

  begin(epoch: number): void {
    this.epoch = epoch;
    this.batch = 0;
    this.begun += 1;
    const source: Partial<AsyncIterable<unknown> & Iterable<unknown>> = this.#loader;
    this.#iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  }

  async next(): Promise<IteratorResult<unknown>> {
    try {
      return (await this.#iterator?.next()) ?? { done: true, value: undefined };
    } catch (error) {
      const where = { epoch: this.epoch, batch: this.batch };
      if (error instanceof MillraceError) throw error.addLocation(where);
      throw new SampleError('The loader threw an error', {
        where,
        next: 'Fix the cause below.',
        cause: error,
      });
    }
  }

  async expectEnd(): Promise<Difference | undefined> {
    if (this.begun === 0) this.begin(0);
    const next = await this.next();
    return next.done ? undefined : { path: '', dumped: 'the end of the epoch', here: 'another batch' };
  }

  async leave(): Promise<void> {
    await this.#iterator?.return?.();
  }
}
