import { bytesPerElement } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { castElements, type Elements } from '../formats/indexed/cast-elements.js';
import { codeOf } from '../formats/indexed/indexed-dataset-dtypes.js';
import { encodeHeader } from '../formats/indexed/indexed-dataset-header.js';
import { int64Words } from '../formats/indexed/int64-array.js';
import type { IntegerDType } from '../formats/indexed/integer-dtype.js';
import { FileWriter } from '../storage/file-writer.js';

/** A dataset whose items arrive in pieces, in two streams: elements for `.bin`, lengths for `.idx`. */
export interface ItemStream {
  readonly dtype: IntegerDType;
  readonly items: number;
  /** Elements of all items, concatenated. */
  elements(): Iterable<ArrayLike<number>>;
  /** Number of elements of each item; called once for the lengths and once for the offsets. */
  lengths(): Iterable<ArrayLike<number>>;
  /** For each document, the number of items up to its end; ascending. */
  readonly documentEnds: readonly number[];
}

const longestItem = 2 ** 31 - 1;

/**
 * Writes a `.bin`/`.idx` pair as `IndexedDatasetBuilder` does. Memory is that of the current piece.
 *
 * @throws {@link StorageError} if writing fails, {@link ShapeError} for an item of more than 2^31 - 1 elements.
 */
export function writeItemStream(prefix: string, stream: ItemStream): void {
  const data = new FileWriter(`${prefix}.bin`);
  const index = new FileWriter(`${prefix}.idx`);
  try {
    for (const elements of stream.elements()) data.append(castElements(elements as Elements, stream.dtype));
    data.finish();
    writeIndex(index, stream);
    index.finish();
  } catch (error) {
    data.discard();
    index.discard();
    throw error;
  }
  // If an old index remained between the two renames, it would describe the new data.
  index.removeOld();
  data.publish();
  index.publish();
}

function writeIndex(index: FileWriter, { dtype, items, lengths, documentEnds }: ItemStream): void {
  index.append(
    encodeHeader({ code: codeOf(dtype, 'deepspeed')!, items, documents: documentEnds.length + 1 }),
  );
  for (const piece of lengths()) {
    checkLengths(index.path, piece);
    const words = new Int32Array(piece.length);
    words.set(piece);
    index.append(words);
  }
  const itemBytes = bytesPerElement(dtype);
  let byteOffset = 0;
  for (const piece of lengths()) {
    const words = new Uint32Array(2 * piece.length);
    for (let i = 0; i < piece.length; i++) {
      words[2 * i] = byteOffset;
      words[2 * i + 1] = byteOffset / 2 ** 32;
      byteOffset += piece[i]! * itemBytes;
    }
    index.append(words);
  }
  index.append(int64Words([0, ...documentEnds]));
}

function checkLengths(file: string, lengths: ArrayLike<number>): void {
  for (let i = 0; i < lengths.length; i++) {
    if (lengths[i]! <= longestItem) continue;
    throw new ShapeError(
      `${lengths[i]} samples have the same value, and DeepSpeed's files hold at most ${longestItem} samples per value`,
      {
        where: { file },
        next: `Write only the native index: layout: 'native'.`,
      },
    );
  }
}
