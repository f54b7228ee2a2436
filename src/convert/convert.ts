import { parseOptions } from '../core/options.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';
import { findInputs } from './conversion-input.js';
import { planConversion, type ResolvedConversion } from './conversion-plan.js';
import { type ConversionOutcome, ConversionRun } from './conversion-run.js';
import { type ConvertOptions, convertSchema } from './convert-options.js';

/** Result of a conversion. */
export interface Conversion extends ConversionOutcome {
  readonly inputFiles: number;
  /** Bytes of the inputs, if they are local. */
  readonly inputBytes: number | undefined;
  readonly elapsedMs: number;
}

/**
 * Converts data of any format, local or remote: text to indexed tokens, the files of a folder to tar shards, anything
 * to Parquet.
 *
 * Parts are made concurrently and kept in `<output>.converting` until all are complete. After an interruption, call
 * it again with the same arguments: it continues and writes the same bytes. Every file is read back and compared by
 * SHA-256. The output gets its name when it is complete, with its checksums in `_convert.json`
 * (`<output>.convert.json` for tokens). If the output is complete already, it is verified and left unchanged.
 *
 * ```ts
 * await convert(['data/*.jsonl.gz', 'docs/'], { output: 'tokens', tokenizer: 'cl100k_base' });
 * ```
 *
 * @param inputs - Paths, folders, patterns, URLs.
 * @throws {@link ConfigError}; {@link StorageError} if the output exists with other content, or reading or writing
 *   fails; {@link FormatError} for damaged input, or samples that do not fit; {@link WorkerTransferError} for a
 *   tokenizer that cannot be moved to threads.
 */
export async function convert(
  inputs: string | readonly string[],
  options: ConvertOptions,
): Promise<Conversion> {
  const started = performance.now();
  const resolved = parseOptions('convert options', convertSchema, options);
  const storage = storageOf(resolved);
  const names = typeof inputs === 'string' ? [inputs] : [...inputs];
  const files = await findInputs(names, storage, resolved);
  const plan = await planConversion(names, files, resolved, storage);
  try {
    const done = await new ConversionRun(plan, files, names, resolved).run();
    const { byteLength: inputBytes } = files;
    const elapsedMs = performance.now() - started;
    return { ...done, inputFiles: files.names.length, inputBytes, elapsedMs };
  } finally {
    await plan.writer.close();
  }
}

/**
 * The options of the format: all options except those of the conversion. @throws {@link ConfigError} for unknown ones
 */
function storageOf(options: ResolvedConversion): StorageOptions {
  const own = new Set(Object.keys(convertSchema.entries));
  const rest = Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)));
  storageOptions(rest);
  return rest;
}
