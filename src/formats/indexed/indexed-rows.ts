import type { IndexArray } from '../../core/dataset.js';
import { bytesPerElement } from '../../core/dtype.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../../core/recipe.js';
import { shareTypedArray } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { FileRows } from '../file-dataset.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import type { ItemIndex } from './index-file.js';
import { indexIdentity } from './indexed-dataset-index.js';

/** What a worker needs to open the same pair without decoding its index again. */
export interface IndexedRowsRecipe {
  readonly prefix: string;
  readonly data: Recipe;
  readonly index: ItemIndex;
}

/**
 * The items of a `.bin`/`.idx` pair, local or remote: the index in memory, and the open data.
 *
 * @typeParam Source - How the data is read.
 */
export class IndexedRows<Source extends ByteSource = ByteSource> implements FileRows {
  /** Path (absolute) or URL of the pair without `.bin` and `.idx`. */
  readonly prefix: string;
  readonly data: Source;
  readonly length: number;
  /** Items are read one by one. */
  readonly shardLengths: undefined;
  /** Elements of all items together. */
  readonly tokenCount: number;
  #index: ItemIndex;
  #identity: ReturnType<typeof indexIdentity> | undefined;

  constructor(prefix: string, data: Source, index: ItemIndex) {
    this.prefix = prefix;
    this.data = data;
    this.length = index.sizes.length;
    this.tokenCount = index.sizes.reduce((sum, size) => sum + size, 0);
    this.#index = index;
  }

  get index(): ItemIndex {
    return this.#index;
  }

  /** The same for a pair on this machine and for its copy behind a URL. */
  identity(): ReturnType<typeof indexIdentity> {
    this.#identity ??= indexIdentity(this.#index, this.data.byteLength);
    return this.#identity;
  }

  prefetch(indices: IndexArray): number | undefined {
    const { dtype, pointers, sizes } = this.#index;
    const bytes = bytesPerElement(dtype);
    return this.prefetchRanges(
      Array.from(indices, (index) => {
        const start = pointers[index]!;
        return { start, end: start + sizes[index]! * bytes };
      }),
    );
  }

  /** Fetches ranges of the data into the cache. Returns how many bytes are newly requested. */
  prefetchRanges(ranges: readonly { readonly start: number; readonly end: number }[]): number | undefined {
    if (!fetchesAhead([this.data])) return undefined;
    return sumOfBytes(ranges.map(({ start, end }) => prefetchRange(this.data, start, end)));
  }

  /** Moves the index into memory that workers share with this thread. */
  recipe(): IndexedRowsRecipe {
    const { sizes, pointers, documentIndex } = this.#index;
    this.#index = {
      ...this.#index,
      sizes: shareTypedArray(sizes),
      pointers: shareTypedArray(pointers),
      documentIndex: shareTypedArray(documentIndex),
    };
    return { prefix: this.prefix, data: recipeOf(this.data, 'source'), index: this.#index };
  }

  /** @typeParam Source - What the recipe of the data makes. */
  static async fromRecipe<Source extends ByteSource>(
    { prefix, data, index }: IndexedRowsRecipe,
    make: MakeFromRecipe,
  ): Promise<IndexedRows<Source>> {
    return new IndexedRows(prefix, await make<Source>(data), index);
  }

  close(): void {
    this.data.close();
  }
}
