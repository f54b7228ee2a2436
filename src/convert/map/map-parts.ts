import type { Dataset } from '../../core/dataset.js';
import { messageOf } from '../../core/thrown.js';
import { rangesOf } from '../../parts/part-range.js';
import type { PartReceipt } from '../../parts/part-receipt.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import { jsonLine, writeLines } from '../jsonl-parts.js';
import { rowOf } from '../parquet-types.js';
import type { Part, PartWriter } from '../part.js';
import { tooMany } from './failure-budget.js';
import { MapCalls } from './map-calls.js';
import type { MapFunction } from './map-function.js';
import type { MapLimits } from './map-limits.js';

/** Characters of the message of a failure that a row keeps. */
const longestMessage = 1_000;

/**
 * Writes the results of a function over the samples of a part, one line a sample, in order. The row of a sample on which
 * the function failed is `{ "error": message }`. Limits hold for all parts that one instance makes.
 */
export class MapParts implements PartWriter {
  readonly calls: MapCalls;
  readonly #dataset: Dataset<unknown>;
  readonly #limits: MapLimits;
  #failures = 0;

  constructor(dataset: Dataset<unknown>, fn: MapFunction, limits: MapLimits) {
    this.#dataset = dataset;
    this.#limits = limits;
    this.calls = new MapCalls(dataset, fn, limits);
  }

  async write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    const { start, end } = part;
    const lines = new Array<string>(end - start);
    let failures = 0;
    let failure: Error | undefined;
    const batches = rangesOf(end - start, this.#limits.batchSize ?? 1);
    const makeBatch = async ([first, last]: readonly [number, number]): Promise<void> => {
      const indices = Array.from({ length: last - first }, (_, k) => start + first + k);
      const result = await this.calls.call(indices, () => failure !== undefined);
      if (!result) return;
      if ('error' in result) {
        failures += indices.length;
        this.#failures += indices.length;
        if (this.#failures > this.#limits.maxFailures)
          throw tooMany(this.#failures, this.#limits.maxFailures, result.error, indices[0]);
      }
      for (const [k, index] of indices.entries())
        lines[first + k] =
          'error' in result
            ? jsonLine({ error: messageOf(result.error).slice(0, longestMessage) }, index)
            : jsonLine(rowOf(result.values[k] ?? null), index);
      onProgress({ samples: indices.length, tokens: result.tokens });
    };
    const made = batches.map((batch) =>
      makeBatch(batch).catch((error: Error) => {
        failure ??= error;
      }),
    );
    await Promise.all(made);
    if (failure) throw failure;
    const receipt = await writeLines(part, folder, lines);
    return failures > 0 ? { ...receipt, failures } : receipt;
  }

  close(): void | Promise<void> {
    return this.#dataset.close?.();
  }
}
