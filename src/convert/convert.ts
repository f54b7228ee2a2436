import { parseOptions } from '../core/options.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';
import { findInputs } from './conversion-input.js';
import { planConversion, type ResolvedConversion } from './conversion-plan.js';
import type { ConversionOutcome } from './conversion-run.js';
import { type ConvertOptions, convertSchema } from './convert-options.js';
import type { PreparedConversion } from './prepared-conversion.js';
import { cancelPrepared, runConversion } from './run-conversion.js';

/** Result of a conversion. */
export interface Conversion extends ConversionOutcome {
  readonly inputFiles: number;
  /** Bytes of the inputs, if they are local. */
  readonly inputBytes: number | undefined;
  readonly elapsedMs: number;
}

/**
 * Converts data of any format, local or remote: text to indexed tokens, the files of a folder to tar shards, anything
 * to Parquet or JSON Lines.
 *
 * Parts are made concurrently and kept in `<output>.converting` until all are complete. After an interruption, call
 * it again with the same arguments: it continues and writes the same bytes. Every file is read back and compared by
 * SHA-256. The output gets its name when it is complete, with its checksums in `_convert.json`
 * (`<output>.convert.json` for tokens). In a bucket, shards get their names as they are made, and a folder without
 * `_convert.json` is not complete. If the output is complete already, it is verified and left unchanged.
 *
 * With `redis`, the workers of a queue make the parts. If this process ends, they continue, and another call waits for
 * them.
 *
 * ```ts
 * await convert(['data/*.jsonl.gz', 'docs/'], { output: 'tokens', tokenizer: 'cl100k_base' });
 * ```
 *
 * @param inputs - Paths, folders, patterns, URLs.
 * @throws {@link ConfigError}; {@link StorageError} if the output exists with other content, or reading or writing
 *   fails; {@link FormatError} for damaged input, or samples that do not fit; {@link WorkerTransferError} for a
 *   tokenizer that cannot be moved to threads; {@link WorkerExitError} if a job failed on the cluster, or was canceled.
 */
export async function convert(
  inputs: string | readonly string[],
  options: ConvertOptions,
): Promise<Conversion> {
  const started = performance.now();
  const prepared = await prepareConversion(inputs, options);
  const { files, plan } = prepared;
  try {
    const done = await runConversion(prepared);
    const { byteLength: inputBytes } = files;
    const elapsedMs = performance.now() - started;
    return { ...done, inputFiles: files.names.length, inputBytes, elapsedMs };
  } finally {
    await plan.writer.close();
  }
}

/**
 * Removes a conversion from the queue of a cluster. Pass the arguments that it was started with. Running jobs finish,
 * finished parts are kept, and {@link convert} continues with them.
 *
 * @returns Whether the conversion was in the queue.
 */
export async function cancelConversion(
  inputs: string | readonly string[],
  options: ConvertOptions,
): Promise<boolean> {
  const prepared = await prepareConversion(inputs, options);
  try {
    return await cancelPrepared(prepared);
  } finally {
    await prepared.plan.writer.close();
  }
}

/** Finds the inputs of a conversion and plans it. */
export async function prepareConversion(
  inputs: string | readonly string[],
  given: ConvertOptions,
): Promise<PreparedConversion> {
  const options = parseOptions('convert options', convertSchema, given);
  const storage = storageOf(options);
  const names = typeof inputs === 'string' ? [inputs] : [...inputs];
  const files = await findInputs(names, storage, options);
  const plan = await planConversion(names, files, options, storage);
  return { inputs: names, files, plan, options, storage };
}

/**
 * The options of the format: all options except those of the conversion. @throws {@link ConfigError} for unknown ones
 */
export function storageOf(options: ResolvedConversion): StorageOptions {
  const own = new Set(Object.keys(convertSchema.entries));
  const rest = Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)));
  storageOptions(rest);
  return rest;
}
