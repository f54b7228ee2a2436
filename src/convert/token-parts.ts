import { join } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { IndexedDatasetBuilder } from '../formats/index.js';
import type { DTypeTable } from '../formats/indexed/indexed-dataset-dtypes.js';
import { readBack } from '../parts/checksum.js';
import { type PartReceipt, partName } from '../parts/part-receipt.js';
import { samplesOf } from '../parts/part-samples.js';
import type { OnPartProgress } from '../parts/progress-count.js';
import type { Tokenize } from '../tokens/tokenize.js';
import type { Part, PartWriter } from './part.js';

/** How tokens are stored. */
export interface TokenStorage {
  readonly dtype: DType;
  readonly dtypeTable: DTypeTable;
}

/** Largest token of each dtype. */
const largest: Readonly<Partial<Record<DType, number>>> = {
  uint8: 2 ** 8 - 1,
  uint16: 2 ** 16 - 1,
  int32: 2 ** 31 - 1,
  uint32: 2 ** 32 - 1,
};

/** Tokenizes a part of the input into a small indexed dataset, one document per sample. */
export class TokenParts implements PartWriter {
  readonly #dataset: Dataset<unknown>;
  readonly #tokenize: Tokenize;
  readonly #storage: TokenStorage;

  constructor(dataset: Dataset<unknown>, tokenize: Tokenize, storage: TokenStorage) {
    this.#dataset = dataset;
    this.#tokenize = tokenize;
    this.#storage = storage;
  }

  async write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    const prefix = join(folder, partName(part.number));
    const builder = new IndexedDatasetBuilder(prefix, { ...this.#storage, checksums: true });
    let total = 0;
    try {
      for await (const { index, sample } of samplesOf(this.#dataset, [part.start, part.end])) {
        const { data } = await this.#tokens(sample, index);
        builder.addItem(data);
        builder.endDocument();
        total += data.length;
        onProgress({ samples: 1, tokens: data.length });
      }
      const { bin, idx } = builder.finalize()!;
      const files = [await readBack(`${prefix}.bin`, bin), await readBack(`${prefix}.idx`, idx)];
      return { number: part.number, samples: part.end - part.start, tokens: total, files };
    } catch (error) {
      builder.discard();
      throw error;
    }
  }

  close(): void | Promise<void> {
    return this.#dataset.close?.();
  }

  async #tokens(sample: unknown, index: number) {
    const { dtype } = this.#storage;
    const limit = largest[dtype] ?? Number.MAX_SAFE_INTEGER;
    try {
      const tokens = await this.#tokenize(sample);
      const outside = tokens.data.find((token) => token < 0 || token > limit);
      if (outside === undefined) return tokens;
      throw new FormatError(`The token ${outside} does not fit into ${dtype}`, {
        next: 'Choose a wider dtype (--dtype).',
      });
    } catch (error) {
      throw error instanceof FormatError ? error.addLocation({ index }) : error;
    }
  }
}

/**
 * Joins parts into one dataset, in order.
 *
 * @param fetch - Brings a part into the folder; returns how to remove it.
 */
export async function mergeTokenParts(
  prefix: string,
  folder: string,
  receipts: readonly PartReceipt[],
  storage: TokenStorage,
  onProgress: OnPartProgress,
  fetch: (receipt: PartReceipt) => Promise<() => void> = async () => () => {},
): Promise<PartReceipt['files']> {
  const builder = new IndexedDatasetBuilder(prefix, { ...storage, checksums: true });
  try {
    for (const receipt of receipts) {
      const remove = await fetch(receipt);
      builder.merge(join(folder, partName(receipt.number)));
      remove();
      onProgress({ samples: receipt.samples });
    }
    const { bin, idx } = builder.finalize()!;
    return [await readBack(`${prefix}.bin`, bin), await readBack(`${prefix}.idx`, idx)];
  } catch (error) {
    builder.discard();
    throw error;
  }
}
