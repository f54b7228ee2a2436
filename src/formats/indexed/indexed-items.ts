import type { DType } from '../../core/dtype.js';
import type { Tensor } from '../../core/tensor.js';
import type { ByteSource, LocalSource } from '../../storage/byte-source.js';
import { FileDataset } from '../file-dataset.js';
import type { ItemIndex } from './index-file.js';
import { checkGuess, type DTypeTable } from './indexed-dataset-dtypes.js';
import { decodeIndex } from './indexed-dataset-index.js';
import type { IndexedRows } from './indexed-rows.js';

/** A dataset of the items of a `.bin`/`.idx` pair, local or remote. */
export abstract class IndexedItems<Source extends ByteSource, Settings> extends FileDataset<
  Tensor,
  IndexedRows<Source>,
  Settings
> {
  /** Path (absolute) or URL of the pair without `.bin` and `.idx`. */
  get prefix(): string {
    return this.rows.prefix;
  }

  /** What the elements are stored as. */
  get dtype(): DType {
    return this.rows.index.dtype;
  }

  /** Shape `[n]`: the mode of each item, where the index has some: those of Megatron-LM's multimodal datasets do. */
  get modes(): Int8Array | undefined {
    return this.rows.index.modes;
  }

  /** Elements of all items together. */
  get tokenCount(): number {
    return this.rows.tokenCount;
  }

  /** Shape `[n]`: elements of each item. */
  get sizes(): Int32Array {
    return this.rows.index.sizes;
  }

  /** Shape `[n]`: where each item begins in the `.bin` file, in bytes. */
  get pointers(): Float64Array {
    return this.rows.index.pointers;
  }

  /**
   * Item numbers at which documents begin, then the number of items. Merged files may have an entry twice. The older
   * format counts dimensions here; they are turned into items.
   */
  get documentIndex(): Float64Array {
    return this.rows.index.documentIndex;
  }
}

/** The two files. */
export interface IndexedPair {
  readonly index: ByteSource;
  readonly data: ByteSource;
  readonly dtypeTable: DTypeTable | 'auto';
}

/** @param bytes - The whole index. @throws {@link FormatError}, {@link TruncatedFileError} */
export function decodePair({ index, data, dtypeTable }: IndexedPair, bytes: Uint8Array): ItemIndex {
  return decodeIndex({
    bytes,
    file: index.name,
    dataFile: data.name,
    dataBytes: data.byteLength,
    dtypeTable,
  });
}

/** Stretches of the data that are looked at, and bytes of each. */
const stretches = 16;
const stretchBytes = 4096;

/** Elements to check if the type code alone does not determine the dtype. */
function stretchesOf(dataBytes: number): { start: number; end: number }[] {
  const whole = dataBytes - (dataBytes % 4);
  const last = Math.max(0, whole - stretchBytes);
  const starts = Array.from(
    { length: stretches },
    (_, k) => 4 * Math.floor((k * last) / (stretches - 1) / 4),
  );
  return [...new Set(starts)].map((start) => ({ start, end: Math.min(whole, start + stretchBytes) }));
}

/** @throws {@link FormatError} if the dtype is ambiguous */
export async function checkDType({ isGuess }: ItemIndex, { index, data }: IndexedPair): Promise<void> {
  if (!isGuess) return;
  const parts = stretchesOf(data.byteLength).map(({ start, end }) => data.read(start, end));
  checkGuess(elementsOf(await Promise.all(parts)), index.name);
}

/** Like {@link checkDType}, synchronously. */
export function checkDTypeSync(
  { isGuess }: ItemIndex,
  { index, data }: IndexedPair & { readonly data: LocalSource },
): void {
  if (!isGuess) return;
  const parts = stretchesOf(data.byteLength).map(({ start, end }) => data.readSync(start, end));
  checkGuess(elementsOf(parts), index.name);
}

function elementsOf(parts: readonly Uint8Array[]): Uint32Array {
  return Uint32Array.from(
    parts.flatMap((part) => [...new Uint32Array(part.buffer, part.byteOffset, part.length / 4)]),
  );
}
