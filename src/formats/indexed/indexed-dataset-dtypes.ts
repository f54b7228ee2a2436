import { bytesPerElement, type DType } from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';

/**
 * The table of an indexed dataset's type codes. DeepSpeed and Megatron-LM agree on the codes 1 to 5, and the file does not say
 * which of them wrote it.
 */
export type DTypeTable = 'deepspeed' | 'megatron';

const shared = { 1: 'uint8', 2: 'int8', 3: 'int16', 4: 'int32', 5: 'int64' } as const;

const tables: Readonly<Record<DTypeTable, Readonly<Record<number, DType>>>> = {
  deepspeed: { ...shared, 6: 'uint16', 7: 'uint32', 8: 'uint64' },
  megatron: { ...shared, 6: 'float64', 7: 'float32', 8: 'uint16' },
};

/** The code of a dtype; `undefined` if the table has none. */
export function codeOf(dtype: DType, table: DTypeTable): number | undefined {
  const entry = Object.entries(tables[table]).find(([, candidate]) => candidate === dtype);
  return entry && Number(entry[0]);
}

/** The dtypes that a table has. */
export function dtypesOf(table: DTypeTable): readonly DType[] {
  return Object.values(tables[table]);
}

/**
 * The dtypes that a type code may stand for: one in a given table, up to two with `'auto'`, DeepSpeed's first.
 *
 * @throws {@link FormatError} if the code is in no table.
 */
export function dtypesOfCode(
  code: number,
  table: DTypeTable | 'auto',
  file: string,
  byteOffset: number,
): readonly DType[] {
  const asked: readonly DTypeTable[] = table === 'auto' ? ['deepspeed', 'megatron'] : [table];
  const found = asked.map((name) => tables[name][code]).filter((dtype) => dtype !== undefined);
  if (found.length > 0) return [...new Set(found)];
  throw new FormatError(`The index has the type code ${code}, which stands for no dtype`, {
    where: { file, byteOffset, code },
    next: 'Codes are 1 to 8. The index is damaged, or of another format.',
  });
}

/**
 * Chooses between the dtypes of a code by the size of an element: from the spacing of items, then from the length of the data.
 * DeepSpeed's dtype wins if both fit.
 *
 * @param sizes - Elements of each item.
 * @param pointers - Byte offset of each item.
 * @param dataBytes - Length of the `.bin` file.
 */
export function chooseDType(
  candidates: readonly DType[],
  sizes: Int32Array,
  pointers: Float64Array,
  dataBytes: number,
): DType {
  const spaced = candidates.filter((dtype) => fitsSpacing(bytesPerElement(dtype), sizes, pointers));
  if (spaced.length < 2) return spaced[0] ?? candidates[0]!;
  const tokens = sizes.reduce((sum, size) => sum + size, 0);
  const exact = spaced.find((dtype) => tokens * bytesPerElement(dtype) === dataBytes);
  if (exact) return exact;
  // A truncated file is likelier than one with spare bytes: choose the wider dtype, whose check then reports the truncation.
  return spaced.reduce((wide, dtype) => (bytesPerElement(dtype) > bytesPerElement(wide) ? dtype : wide));
}

/**
 * Whether the candidates have the same width, so that file sizes cannot decide: DeepSpeed's uint32 and Megatron-LM's float32.
 */
export function isGuess(code: number, table: DTypeTable | 'auto'): boolean {
  return table === 'auto' && code === 7;
}

/** The smallest bit pattern of a nonzero float32 that training data contains. */
const smallestFloatBits = 2 ** 23;

/**
 * Checks some elements of a file whose type code is 7. Token ids are below 2^23; the bits of floats are above.
 *
 * @param elements - As uint32.
 * @throws {@link FormatError} if they may be floats.
 */
export function checkGuess(elements: Uint32Array, file: string): void {
  if (elements.every((element) => element < smallestFloatBits) && elements.some((element) => element > 0))
    return;
  throw new FormatError(
    'The type code 7 is uint32 in DeepSpeed and float32 in Megatron-LM, and the file may be either',
    {
      where: { file, byteOffset: 17, code: 7 },
      next: "Say who wrote it: { dtypeTable: 'deepspeed' } for uint32, { dtypeTable: 'megatron' } for float32.",
    },
  );
}

/** Checks only the spacing after the first item with elements; the others are checked once a dtype is chosen. */
function fitsSpacing(itemBytes: number, sizes: Int32Array, pointers: Float64Array): boolean {
  const first = sizes.findIndex((size) => size > 0);
  if (first < 0 || first + 1 >= sizes.length) return true;
  return pointers[first + 1]! - pointers[first]! === sizes[first]! * itemBytes;
}
