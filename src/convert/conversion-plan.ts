import type * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Json } from '../core/json.js';
import { recipeOf } from '../core/recipe.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { rangesOf } from '../parts/part-range.js';
import { absoluteName } from '../storage/absolute-name.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { tokenize } from '../tokens/tokenize.js';
import { type InputFiles, openInputs } from './conversion-input.js';
import type { convertSchema } from './convert-options.js';
import { folderSamples } from './folder-samples.js';
import { JsonlParts } from './jsonl-parts.js';
import { functionIdentity, loadFunction, type MapSettings } from './map/map-function.js';
import { MapParts } from './map/map-parts.js';
import { ParquetParts } from './parquet-parts.js';
import { columnsOf } from './parquet-types.js';
import type { Part, PartWriter } from './part.js';
import type { PartWriterSetup } from './part-writer-setup.js';
import { TarParts } from './tar-parts.js';
import { TokenParts, type TokenStorage } from './token-parts.js';

export type ResolvedConversion = v.InferOutput<typeof convertSchema>;

/** Plan of a conversion: its parts, and how to write them. */
export interface ConversionPlan {
  readonly samples: number;
  readonly parts: readonly Part[];
  /** Parts made at once on the calling thread. @defaultValue 1 */
  readonly lanes?: number;
  /** Everything besides the input files that determines the result. */
  readonly identity: Json;
  /** Writes parts on the calling thread. */
  readonly writer: PartWriter;
  /**
   * The recipe from which other threads make the same writer. @throws {@link WorkerTransferError} if there is none
   */
  setup(): PartWriterSetup;
}

/** Identifies a conversion: its input and everything that determines the result. */
export function jobOf(
  { identity }: Pick<ConversionPlan, 'identity'>,
  files: InputFiles,
  { to }: Pick<ResolvedConversion, 'to'>,
): string {
  return fingerprint({ to, files: files.identity, plan: identity, version: 1 });
}

/** The absolute path or the URL of the output: of its folder, or of the pair without an ending. */
export function outputOf({ output, to }: Pick<ResolvedConversion, 'output' | 'to'>): string {
  const name = absoluteName(output).replace(/(?<=.)\/+$/, '');
  return to === 'tokens' ? name.replace(/\.(bin|idx)$/, '') : name;
}

/** Approximate bytes of text per part of tokens. */
const textBytes = 2 ** 24;
const mostDocuments = 65_536;
const documentsFromAfar = 4_096;
const filesOfShard = 10_000;
const rowsOfShard = 100_000;
const samplesOfMapPart = 1_000;

/** Examines the input, and divides it into parts. */
export async function planConversion(
  inputs: readonly string[],
  files: InputFiles,
  options: ResolvedConversion,
  storage: StorageOptions,
): Promise<ConversionPlan> {
  const { format, columns, selection, textUnit } = options;
  if (options.to === 'webdataset') {
    if (selection === undefined) return planTar(inputs, files, options, storage);
    const message = 'has no effect on a WebDataset, which holds all files of a folder';
    throw new ConfigError('convert', [{ field: 'selection', message }]);
  }
  const dataset = await openInputs(inputs, files, { format, columns, selection, textUnit, storage });
  try {
    if (options.map) return await planMap(dataset, options.map, options.shardSamples);
    if (options.to === 'jsonl') return planJsonl(dataset, options);
    return options.to === 'tokens'
      ? planTokens(dataset, files, options)
      : await planParquet(dataset, options);
  } catch (error) {
    await dataset.close?.();
    throw error;
  }
}

function planTokens(
  dataset: Dataset<unknown>,
  { byteLength }: InputFiles,
  { tokenizer, field, appendEndOfText, shardSamples, ...options }: ResolvedConversion,
): ConversionPlan {
  const tokens = tokenize({ tokenizer, field, appendEndOfText });
  const storage = tokenStorage({ tokenizer, ...options });
  const documentBytes = byteLength === undefined ? undefined : byteLength / dataset.length;
  const documents = documentBytes
    ? Math.min(mostDocuments, Math.max(1, Math.round(textBytes / documentBytes)))
    : documentsFromAfar;
  const size = shardSamples ?? documents;
  return {
    samples: dataset.length,
    parts: cut(dataset.length, size),
    identity: {
      input: datasetFingerprint(dataset),
      size,
      tokenize: tokens.fingerprint(),
      ...storage,
    },
    writer: new TokenParts(dataset, tokens, storage),
    setup: () => ({
      to: 'tokens',
      dataset: recipeOf(dataset, 'dataset'),
      tokenize: recipeOf(tokens, 'tokenizer'),
      storage,
    }),
  };
}

/** How the tokens are stored. */
export function tokenStorage({
  tokenizer,
  dtype,
  dtypeTable,
}: Pick<ResolvedConversion, 'tokenizer' | 'dtype' | 'dtypeTable'>): TokenStorage {
  return { dtype: dtype ?? (tokenizer === 'bytes' ? 'uint8' : 'int32'), dtypeTable };
}

async function planParquet(
  dataset: Dataset<unknown>,
  { types, shardSamples = rowsOfShard }: ResolvedConversion,
): Promise<ConversionPlan> {
  const columns = await columnsOf(dataset, types);
  return {
    samples: dataset.length,
    parts: cut(dataset.length, shardSamples),
    identity: {
      input: datasetFingerprint(dataset),
      size: shardSamples,
      columns: columns.map(({ name, type }) => `${name} ${type}`),
    },
    writer: new ParquetParts(dataset, columns),
    setup: () => ({ to: 'parquet', dataset: recipeOf(dataset, 'dataset'), columns }),
  };
}

function planJsonl(
  dataset: Dataset<unknown>,
  { shardSamples = rowsOfShard }: ResolvedConversion,
): ConversionPlan {
  return {
    samples: dataset.length,
    parts: cut(dataset.length, shardSamples),
    identity: { input: datasetFingerprint(dataset), size: shardSamples },
    writer: new JsonlParts(dataset),
    setup: () => ({ to: 'jsonl', dataset: recipeOf(dataset, 'dataset') }),
  };
}

/** A map: the results of a function as JSON Lines. */
export async function planMap(
  dataset: Dataset<unknown>,
  { fn, limits }: MapSettings,
  size = samplesOfMapPart,
): Promise<ConversionPlan> {
  return {
    samples: dataset.length,
    parts: cut(dataset.length, size),
    // A part keeps calls going while the last calls of another one finish.
    lanes: 2,
    identity: {
      input: datasetFingerprint(dataset),
      size,
      function: functionIdentity(fn),
      batch: limits.batchSize ?? null,
    },
    writer: new MapParts(dataset, await loadFunction(fn), limits),
    setup: () => ({
      to: 'map',
      dataset: recipeOf(dataset, 'dataset'),
      fn: recipeOf(fn, 'function'),
      limits,
    }),
  };
}

function planTar(
  inputs: readonly string[],
  { names }: InputFiles,
  { shardSamples = filesOfShard }: ResolvedConversion,
  storage: StorageOptions,
): ConversionPlan {
  const [root, second] = inputs;
  if (root === undefined || second !== undefined || names.some((name) => !name.startsWith(rootOf(root)))) {
    const message = `must be one folder for a WebDataset, not ${inputs.join(', ')}`;
    throw new ConfigError('convert', [{ field: 'inputs', message }], {
      next: 'Pass one folder, or a pattern such as "photos/**/*.jpg".',
    });
  }
  const samples = folderSamples(names, rootOf(root));
  const parts = cut(samples.length, shardSamples).map((part) => ({
    ...part,
    entries: samples.slice(part.start, part.end).flatMap(({ entries }) => entries),
  }));
  return {
    samples: samples.length,
    parts,
    identity: { size: shardSamples, order: 'shuffled' },
    writer: new TarParts(storage),
    setup: () => ({ to: 'webdataset', storage }),
  };
}

/** The folder of an input: the path before the first component that is a pattern. */
function rootOf(input: string): string {
  const pattern = /[*?[{]/.exec(input)?.index;
  if (pattern === undefined) return input.replace(/\/+$/, '');
  return input.slice(0, Math.max(0, input.lastIndexOf('/', pattern)));
}

function cut(length: number, size: number): Part[] {
  return rangesOf(length, size).map(([start, end], number) => ({ number, start, end }));
}
