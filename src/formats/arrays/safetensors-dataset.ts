import { Buffer } from 'node:buffer';
import * as v from 'valibot';
import { FormatError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { ownValue } from '../../core/record.js';
import { elementCount } from '../../core/tensor.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { truncated } from '../../storage/truncated.js';
import { openDataFile } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import { ArrayRows, type ArrayRowsRecipe, type StoredArray } from './array-rows.js';
import { duplicateKey } from './duplicate-key.js';
import { chooseArrays, NamedArrays, type NamedArraysOptions } from './named-arrays.js';
import { type StoredDType, storedBytes } from './stored-dtype.js';

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

const dtypeByCode: Readonly<Record<string, StoredDType>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
  I8: 'int8',
  I16: 'int16',
  I32: 'int32',
  I64: 'int64',
  U8: 'uint8',
  U16: 'uint16',
  U32: 'uint32',
  U64: 'uint64',
  BOOL: 'bool',
  F8_E4M3: 'float8_e4m3',
  F8_E5M2: 'float8_e5m2',
  F8_E8M0: 'float8_e8m0',
};

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.object({
  dtype: v.string(),
  shape: v.array(count),
  data_offsets: v.tuple([count, count]),
});

/** The limit of the format. */
const longestHeader = 100_000_000;
const lengthBytes = 8;

/**
 * The tensors of a safetensors file, row by row: the chosen tensors must have the same first dimension. 16-bit and 8-bit floats
 * become float32.
 */
export class SafetensorsDataset extends NamedArrays {
  /**
   * Opens the file; reads the header only.
   *
   * @throws {@link StorageError} if it cannot be read; {@link FormatError} if it is damaged or tensors differ in length; {@link
   *   TruncatedFileError} if it is truncated; {@link ConfigError} for a tensor that is not there.
   */
  static async open(
    file: string | URL | ByteSource,
    options: NamedArraysOptions = {},
  ): Promise<SafetensorsDataset> {
    const { columns, ...storage } = parseOptions('SafetensorsDataset options', schema, options);
    const source = await openDataFile(file, storage);
    return closingOnError([source], async () => {
      const { found, names } = await readHeader(source, columns);
      const arrays = chooseArrays('SafetensorsDataset', found, columns, names);
      const content = await contentFingerprint(source);
      return new SafetensorsDataset(new ArrayRows('SafetensorsDataset', arrays, content));
    });
  }

  static async fromRecipe(
    { rows }: FileRecipe<ArrayRowsRecipe>,
    make: MakeFromRecipe,
  ): Promise<SafetensorsDataset> {
    return new SafetensorsDataset(await ArrayRows.fromRecipe(rows, make));
  }
}

async function readHeader(
  source: ByteSource,
  columns: readonly string[] | undefined,
): Promise<{ found: Map<string, StoredArray>; names: string[] }> {
  if (source.byteLength < lengthBytes) throw truncated(source.name, 0, lengthBytes, source.byteLength);
  const start = Buffer.from(await source.read(0, lengthBytes));
  const length = Number(start.readBigUInt64LE());
  if (length > longestHeader) throw damaged(source, `its header would have ${length} bytes`);
  const dataStart = lengthBytes + length;
  if (dataStart > source.byteLength)
    throw truncated(source.name, lengthBytes, length, source.byteLength - lengthBytes);
  const header = parseHeader(source, Buffer.from(await source.read(lengthBytes, dataStart)).toString());
  const arrays = new Map<string, StoredArray>();
  const spans: Span[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (v.is(v.record(v.string(), v.string()), value)) continue;
      throw damaged(source, '__metadata__ is not an object of texts');
    }
    const entry = v.safeParse(entrySchema, value);
    if (!entry.success) throw damaged(source, `the entry of ${name} is not one of a tensor`);
    const { dtype: code, shape, data_offsets } = entry.output;
    const [from, to] = data_offsets;
    spans.push({ name, from, to });
    if (columns && !columns.includes(name)) continue;
    const dtype = ownValue(dtypeByCode, code);
    if (!dtype) {
      throw new FormatError(
        `The tensor ${name} has elements of the type ${code}, which Millrace does not read`,
        {
          where: { file: source.name },
          next: "Choose others with { columns: ['…'] }.",
        },
      );
    }
    const needed = elementCount(shape) * storedBytes(dtype);
    if (to - from !== needed)
      throw damaged(source, `${name} has ${to - from} bytes, and its shape needs ${needed}`);
    arrays.set(name, { source, dtype, shape, byteOffset: dataStart + from });
  }
  checkCoverage(source, spans, dataStart);
  return { found: arrays, names: spans.map(({ name }) => name) };
}

/** The byte range of a tensor, counted from the end of the header. */
interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Every byte after the header must belong to exactly one tensor. */
function checkCoverage(source: ByteSource, spans: readonly Span[], dataStart: number): void {
  let end = 0;
  for (const { name, from, to } of spans.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end || to < from)
      throw damaged(
        source,
        `${name} has bytes ${from} to ${to}, and those of the tensor before end at ${end}`,
      );
    end = to;
  }
  const found = source.byteLength - dataStart;
  if (end > found) throw truncated(source.name, dataStart, end, found);
  if (end < found) throw damaged(source, `${found - end} bytes at its end belong to no tensor`);
}

function parseHeader(source: ByteSource, text: string): object {
  try {
    const header: unknown = JSON.parse(text);
    const twice = duplicateKey(text);
    if (twice !== undefined) throw damaged(source, `its header has the key ${JSON.stringify(twice)} twice`);
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header;
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw damaged(source, `its header is not JSON: ${messageOf(cause)}`);
  }
  throw damaged(source, 'its header is not an object');
}

function damaged(source: ByteSource, why: string): FormatError {
  return new FormatError(`This is not a safetensors file: ${why}`, {
    where: { file: source.name, byteOffset: lengthBytes },
    next: 'Copy or write the file again.',
  });
}
