import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { FormatError, StorageError } from '../../core/errors.js';
import { recordOf } from '../../core/options.js';
import { errorCode, messageOf } from '../../core/thrown.js';

/** A dumped tensor: dtype, shape, digest, and its elements if there are few. */
export interface DumpedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** SHA-256 (hex) of the elements, row-major, little-endian. */
  readonly sha256: string;
  /** Flat. Integers above 2^53 - 1 and values without a JSON number (NaN) are strings. */
  readonly data?: readonly (number | string | boolean)[] | undefined;
}

/** Digest of dumped bytes. */
export interface DumpedBytes {
  readonly bytes: string;
  readonly length: number;
}

/** A value of a dumped batch. */
export type DumpedValue =
  | null
  | boolean
  | number
  | string
  | readonly DumpedValue[]
  | { readonly fields: Readonly<Record<string, DumpedValue>> }
  | DumpedBytes
  | DumpedTensor;

/** One batch of a dump. */
export interface DumpedBatch {
  readonly epoch: number;
  /** Ordinal within the epoch, from 0. */
  readonly batch: number;
  readonly value: DumpedValue;
}

/** Last line of a dump. */
export interface DumpEnd {
  readonly end: true;
  readonly batches: number;
  /** Whether the loader had more batches. */
  readonly limited: boolean;
}

/** The version of the format that docs/dump_batches.py writes. */
const version = 1;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const headerSchema = v.looseObject({ millrace_dump: whole });
const endSchema = v.object({ end: v.literal(true), batches: whole, limited: v.boolean() });
const valueSchema: v.GenericSchema<DumpedValue> = v.lazy(() =>
  v.union([
    v.null(),
    v.boolean(),
    v.number(),
    v.string(),
    v.array(valueSchema),
    v.object({ fields: recordOf(valueSchema) }),
    v.object({ bytes: v.string(), length: whole }),
    v.object({
      dtype: v.string(),
      shape: v.array(whole),
      sha256: v.string(),
      data: v.optional(v.array(v.union([v.number(), v.string(), v.boolean()]))),
    }),
  ]),
);
const batchSchema = v.object({ epoch: whole, batch: whole, value: valueSchema });

/**
 * Reads a dump line by line: its batches, then its end.
 *
 * @throws {@link StorageError} if the file cannot be read, {@link FormatError} with the line if it is not a dump, has
 *   another version, is damaged, or is truncated.
 */
export async function* readDump(file: string): AsyncGenerator<DumpedBatch | DumpEnd, void, undefined> {
  let line = 0;
  let batches = 0;
  for await (const text of linesOf(file)) {
    line += 1;
    const value = parseLine(file, line, text);
    if (line === 1) {
      checkHeader(file, value);
      continue;
    }
    const end = v.safeParse(endSchema, value);
    if (end.success) {
      if (end.output.batches !== batches)
        throw damaged(file, line, `counts ${end.output.batches} batches of ${batches}`);
      yield end.output;
      return;
    }
    const batch = v.safeParse(batchSchema, value);
    if (!batch.success) throw damaged(file, line, 'is not a batch');
    batches += 1;
    yield batch.output;
  }
  throw new FormatError('The dump is truncated: its last line is missing', {
    where: { file, lines: line },
    next: 'Write the dump again, and let the script finish.',
  });
}

async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  const input = createReadStream(file, 'utf8');
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    const code = errorCode(cause) ?? '';
    throw new StorageError(
      `Cannot read the dump: ${code === 'ENOENT' ? 'the file does not exist' : messageOf(cause)}`,
      {
        where: { file, reason: code },
        next: 'Pass the file that dump_batches wrote.',
        cause,
      },
    );
  } finally {
    input.destroy();
  }
}

function parseLine(file: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (line === 1) throw notADump(file);
    throw damaged(file, line, `is not JSON: ${messageOf(cause)}`);
  }
}

function checkHeader(file: string, value: unknown): void {
  const header = v.safeParse(headerSchema, value);
  if (!header.success) throw notADump(file);
  if (header.output.millrace_dump === version) return;
  throw new FormatError(
    `The dump has version ${header.output.millrace_dump}, this Millrace reads ${version}`,
    {
      where: { file },
      next: 'Write it again with the dump_batches.py of this version.',
    },
  );
}

function notADump(file: string): FormatError {
  return new FormatError('The file is not a dump of batches', {
    where: { file, line: 1 },
    next: 'Write one with docs/dump_batches.py.',
  });
}

function damaged(file: string, line: number, what: string): FormatError {
  return new FormatError(`A line of the dump ${what}`, {
    where: { file, line },
    next: 'Write the dump again.',
  });
}
