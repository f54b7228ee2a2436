import { bytesPerElement, type DType } from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';

/**
 * Whose meaning the type codes of an indexed dataset have. DeepSpeed and Megatron-LM agree on the codes 1 to 5, and
 * nothing in the file says which of the two wrote it.
 */
export type DTypeTable = 'deepspeed' | 'megatron';

const shared = { 1: 'uint8', 2: 'int8', 3: 'int16', 4: 'int32', 5: 'int64' } as const;

const tables: Readonly<Record<DTypeTable, Readonly<Record<number, DType>>>> = {
  deepspeed: { ...shared, 6: 'uint16', 7: 'uint32', 8: 'uint64' },
  megatron: { ...shared, 6: 'float64', 7: 'float32', 8: 'uint16' },
};

/** The code of a dtype; `undefined` when the table has none. */
export function codeOf(dtype: DType, table: DTypeTable): number | undefined {
  const entry = Object.entries(tables[table]).find(([, candidate]) => candidate === dtype);
  return entry && Number(entry[0]);
}

/** The dtypes that a table has. */
export function dtypesOf(table: DTypeTable): readonly DType[] {
  return Object.values(tables[table]);
}

/**
 * What a type code can mean: one dtype under a named table, up to two under `'auto'`, DeepSpeed's first.
 *
 * @throws {@link FormatError} when the code is in no table.
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
 * Chooses between the dtypes that a code can mean, by what the file says about the size of an element: how far apart
 * items start, then how long the data is. DeepSpeed's meaning wins where both fit.
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
  // A file that was cut short is likelier than one with bytes to spare: take the wider, which then says so.
  return spaced.reduce((wide, dtype) => (bytesPerElement(dtype) > bytesPerElement(wide) ? dtype : wide));
}

/** Whether two dtypes of one width can be meant, so that the sizes of the files tell nothing: DeepSpeed's uint32, Megatron-LM's float32. */
export function isGuess(code: number, table: DTypeTable | 'auto'): boolean {
  return table === 'auto' && code === 7;
}

/** The bits of a float32 that is not 0 are at least this, unless it is smaller than any number that training data has. */
const smallestFloatBits = 2 ** 23;

/**
 * Looks at some of the elements of a file whose type code is 7. Token ids are below 2^23; floats, seen as whole numbers, are above.
 *
 * @param elements - As uint32.
 * @throws {@link FormatError} where they may be floats.
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

/** Only the step after the first item with elements is looked at: the others are checked when one is chosen. */
function fitsSpacing(itemBytes: number, sizes: Int32Array, pointers: Float64Array): boolean {
  const first = sizes.findIndex((size) => size > 0);
  if (first < 0 || first + 1 >= sizes.length) return true;
  return pointers[first + 1]! - pointers[first]! === sizes[first]! * itemBytes;
}
