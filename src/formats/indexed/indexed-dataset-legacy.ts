import { bytesPerElement, type DType } from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';
import { truncated } from '../../storage/truncated.js';
import type { IndexFile, ItemIndex } from './index-file.js';
import { dtypesOfCode } from './indexed-dataset-dtypes.js';
import { checkVersion } from './indexed-dataset-header.js';
import { readInt64Array } from './int64-array.js';

// The format before memory mapping, whose items have dimensions. Magic, then uint64 throughout:
//   8   version 1     16  code     24  bytes of an element     32  items n     40  dimensions s     48  documents d
//   56  dimension offsets n + 1 | data offsets n + 1, in elements | dimensions s | document index d
export const legacyMagic = 'TNTIDX\0\0';
const legacyHeaderBytes = 56;

/** The arrays of an older index, as stored. */
export interface LegacyArrays {
  readonly dtype: DType;
  /** Shape `[n + 1]`: offset of each item's dimensions. */
  readonly dimensionOffsets: Float64Array;
  /** Shape `[n + 1]`: offset of each item's elements, in elements. */
  readonly dataOffsets: Float64Array;
  /** The dimensions of all items. */
  readonly dimensions: Float64Array;
  /** Document boundaries, which the format counts in dimensions instead of items. */
  readonly documentIndex: Float64Array;
}

/** Reads an older index: converts dimensions to shapes, and document boundaries to item numbers. */
export function decodeLegacyIndex(source: IndexFile): ItemIndex {
  const { dtype, dimensionOffsets, dataOffsets, dimensions, documentIndex } = decodeLegacyArrays(source);
  const items = dataOffsets.length - 1;
  checkOffsets(dimensionOffsets, dimensions.length, 'dimensions', source.file);
  checkOffsets(dataOffsets, dataOffsets[items]!, 'data', source.file);
  const shapes = Array.from({ length: items }, (_, item) => [
    ...dimensions.subarray(dimensionOffsets[item], dimensionOffsets[item + 1]),
  ]);
  const counts = shapes.map((shape) => shape.reduce((product, dimension) => product * dimension, 1));
  const badItem = counts.findIndex(
    (count, item) => dataOffsets[item]! + count !== dataOffsets[item + 1] || count > 2 ** 31 - 1,
  );
  if (badItem >= 0 || dimensions.some((dimension) => dimension < 0)) {
    const stored = Number(dataOffsets[badItem + 1]) - Number(dataOffsets[badItem]);
    throw new FormatError(`Item ${badItem} of shape [${shapes[badItem]}] has ${stored} stored elements`, {
      where: { file: source.file, item: badItem },
      next: 'The index is damaged: copy or write it again.',
    });
  }
  const sizes = Int32Array.from(counts);
  const pointers = dataOffsets.subarray(0, items).map((offset) => offset * bytesPerElement(dtype));
  return {
    dtype,
    sizes,
    pointers,
    documentIndex: itemNumbers(documentIndex, dimensionOffsets, source.file),
    shapes,
    isGuess: false,
  };
}

/** The arrays of an older index as they are stored. */
export function decodeLegacyArrays({ bytes, file, dtypeTable }: IndexFile): LegacyArrays {
  if (bytes.length < legacyHeaderBytes) throw truncated(file, 0, legacyHeaderBytes, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (byteOffset: number) => Number(view.getBigUint64(byteOffset, true));
  checkVersion(view.getBigUint64(8, true), file, 8);
  const [items, dimensionCount, documents] = [field(32), field(40), field(48)];
  const arrayBytes = 8 * (2 * (items + 1) + dimensionCount + documents);
  if (bytes.length - legacyHeaderBytes < arrayBytes) {
    throw truncated(file, legacyHeaderBytes, arrayBytes, bytes.length - legacyHeaderBytes);
  }
  let byteOffset = legacyHeaderBytes;
  const next = (count: number) => {
    byteOffset += 8 * count;
    return readInt64Array(bytes, byteOffset - 8 * count, count);
  };
  return {
    dtype: dtypeOfSize(dtypesOfCode(field(16), dtypeTable, file, 16), field(24), file),
    dimensionOffsets: next(items + 1),
    dataOffsets: next(items + 1),
    dimensions: next(dimensionCount),
    documentIndex: next(documents),
  };
}

function dtypeOfSize(candidates: readonly DType[], elementBytes: number, file: string): DType {
  const fitting = candidates.find((dtype) => bytesPerElement(dtype) === elementBytes);
  if (fitting) return fitting;
  throw new FormatError(
    `The index has ${elementBytes} bytes per element, which matches neither ${candidates.join(' nor ')}`,
    {
      where: { file, byteOffset: 24 },
      next: 'The index is damaged, or dtypeTable names the wrong table.',
    },
  );
}

/**
 * Offsets start at 0, never descend, and end at the end of their target: ranges do not overlap, so they take no more memory
 * than the file.
 */
function checkOffsets(offsets: Float64Array, end: number, what: string, file: string): void {
  const isAscending = offsets.every((offset, k) => offset >= (offsets[k - 1] ?? 0));
  if (isAscending && offsets[0] === 0 && offsets.at(-1) === end) return;
  throw new FormatError(`The offsets of the ${what} in the index do not ascend from 0 to ${end}`, {
    where: { file },
    next: 'The index is damaged: copy or write it again.',
  });
}

/** Converts boundaries from dimensions to items. */
function itemNumbers(boundaries: Float64Array, dimensionOffsets: Float64Array, file: string): Float64Array {
  const itemAt = new Map([...dimensionOffsets].map((offset, item) => [offset, item]));
  return boundaries.map((boundary) => {
    const item = itemAt.get(boundary);
    if (item !== undefined) return item;
    throw new FormatError(`A document ends at dimension ${boundary}, where no item does`, {
      where: { file },
      next: 'The index is damaged: copy or write it again.',
    });
  });
}
