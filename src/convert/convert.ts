import { parseOptions } from '../core/options.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';
import { findInputs } from './conversion-input.js';
import { planConversion, type ResolvedConversion } from './conversion-plan.js';
import { type ConversionOutcome, ConversionRun } from './conversion-run.js';
import { type ConvertOptions, convertSchema } from './convert-options.js';

/** What a conversion wrote, and of what. */
export interface Conversion extends ConversionOutcome {
  readonly inputFiles: number;
  /** Bytes of the inputs, where they are on this machine. */
  readonly inputBytes: number | undefined;
  readonly elapsedMs: number;
}

/**
 * Converts data of any format, from anywhere: text to indexed tokens, the files of a folder to tar shards, anything to Parquet.
 *
 * Parts are made concurrently and kept in `<output>.converting` until all are done, so a conversion that was killed continues where it
 * was when it is called again in the same way, and gives the same bytes. Every file is read back and compared by SHA-256; the output
 * appears under its name when it is whole, with the checksums beside it in `_convert.json` (`<output>.convert.json` for tokens). A conversion that is done already is
 * checked and left as it is.
 *
 * ```ts
 * await convert(['data/*.jsonl.gz', 'docs/'], { output: 'tokens', tokenizer: 'cl100k_base' });
 * ```
 *
 * @param inputs - Paths, folders, patterns, URLs.
 * @throws {@link ConfigError}; {@link StorageError} when something else is at the output, or reading or writing fails;
 *   {@link FormatError} for damage in the input, or samples that do not fit; {@link WorkerTransferError} for a tokenizer that cannot move.
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

/** What is left of the options when those of the conversion are taken away. @throws {@link ConfigError} for unknown ones */
function storageOf(options: ResolvedConversion): StorageOptions {
  const own = new Set(Object.keys(convertSchema.entries));
  const rest = Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)));
  storageOptions(rest);
  return rest;
}
