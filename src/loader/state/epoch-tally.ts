import { EmptyLoaderError, SampleError } from '../../core/errors.js';
import type { TaskResult } from '../batch/batch-result.js';
import type { PassStart } from '../order/epoch-plan.js';

/** Maximum number of samples that may fail in a row: beyond that, something is wrong with all of them. */
const mostInARow = 100;

/** Samples after which a share of failed ones says something. */
const fewestForShare = 100;

/** The sample that was skipped last, and why. */
interface Skip {
  readonly index: number;
  readonly reason: string;
}

/** Counts what an epoch gave and left out: it must not pass for a whole one when it gave nothing, or left out too much. */
export class EpochTally {
  readonly #maxFailures: number;
  #isWhole = false;
  #batches = 0;
  #skippedInARow = 0;
  #tried = 0;
  #failed = 0;
  #lastSkip: Skip | undefined;

  /** @param maxFailures - See `DataLoaderOptions.maxFailures`. */
  constructor(maxFailures: number) {
    this.#maxFailures = maxFailures;
  }

  begin({ batch, ahead }: PassStart): void {
    this.#isWhole = batch === 0 && ahead.length === 0;
    this.#batches = 0;
    this.#skippedInARow = 0;
    this.#tried = 0;
    this.#failed = 0;
    this.#lastSkip = undefined;
  }

  /** @throws {@link SampleError} if 100 samples failed in a row, or more than `maxFailures` in the epoch */
  count(result: TaskResult): void {
    if (result.type === 'end') return;
    this.#lastSkip = result.skipped.at(-1) ?? this.#lastSkip;
    const isEmpty = result.type === 'nothing' || result.standsIn;
    this.#skippedInARow = isEmpty ? this.#skippedInARow + result.skipped.length : 0;
    if (result.type === 'batch') this.#batches += 1;
    this.#tried += result.skipped.length + (result.type === 'batch' ? result.samples : 0);
    if (result.skipped.length === 0) return;
    this.#failed += result.skipped.length;
    if (!this.#lastSkip) return;
    if (this.#skippedInARow >= mostInARow)
      throw allFail(`${this.#skippedInARow} samples in a row`, this.#lastSkip);
    if (this.#isOverLimit()) throw this.#tooManyFail(this.#lastSkip);
  }

  #isOverLimit(): boolean {
    if (this.#maxFailures >= 1) return this.#failed > this.#maxFailures;
    return this.#tried >= fewestForShare && this.#failed > this.#maxFailures * this.#tried;
  }

  /**
   * Ends the epoch.
   *
   * @param dataset - Name of the dataset in messages.
   * @param isStream - Whether the number of batches was unknown before the epoch.
   * @throws {@link SampleError} if every sample was skipped, {@link EmptyLoaderError} if a stream yielded no batch
   */
  end(dataset: string, isStream: boolean, dropLast: boolean): void {
    if (this.#batches > 0 || !this.#isWhole) return;
    if (this.#lastSkip) throw allFail('All samples of the epoch', this.#lastSkip);
    if (!isStream) return;
    const dropped = dropLast
      ? 'dropLast drops a short batch at the end of each shard: pass dropLast: false, a smaller batchSize, or fewer shards.'
      : 'Check that it has data. Tokens that do not fill a window at the end of each shard are dropped: use shorter windows or fewer shards.';
    throw new EmptyLoaderError(`${dataset} yielded no batch in a whole epoch`, { next: dropped });
  }

  #tooManyFail({ index, reason }: Skip): SampleError {
    const [failed, tried, limit] = [this.#failed, this.#tried, this.#maxFailures];
    return new SampleError(
      `${failed} of ${tried} samples failed, and maxFailures is ${limit}; the last reason was: ${reason}`,
      {
        where: { index, failed, tried },
        next: `Repair the data, or pass a larger maxFailures. To see the error of one sample: await dataset.get(${index}, context).`,
      },
    );
  }
}

function allFail(which: string, { index, reason }: Skip): SampleError {
  return new SampleError(`${which} failed, although onError is 'skip'; the last reason was: ${reason}`, {
    where: { index },
    next: `'skip' is for a few bad samples. Make a single one to see its error: await dataset.get(${index}, context).`,
  });
}
