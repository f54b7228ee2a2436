import { statSync } from 'node:fs';
import pLimit from 'p-limit';
import type { Dataset } from '../core/dataset.js';
import { ConfigError, StorageError } from '../core/errors.js';
import { ConcatDataset } from '../datasets/index.js';
import { chooseFiles } from '../formats/find/choose-files.js';
import { findData, warnOfLeftOut } from '../formats/find/find-data.js';
import type { FormatName } from '../formats/format-table.js';
import { formatOfEnding } from '../formats/format-table.js';
import { openDataset, TextDataset } from '../formats/index.js';
import type { TextUnit } from '../formats/text/text-dataset.js';
import { listFiles } from '../storage/list-files.js';
import { localPath } from '../storage/local-path.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { isRemote } from '../storage/url-scheme.js';

/** Maximum number of files opened concurrently; remote files take long to open. */
const openedTogether = 16;

/** How inputs are read. */
export interface InputOptions {
  readonly format?: FormatName | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly selection?: string | undefined;
  readonly textUnit: TextUnit;
  readonly storage: StorageOptions;
}

/** The files of the inputs, and their identity. */
export interface InputFiles {
  readonly names: readonly string[];
  /** Total bytes, if all files are local. */
  readonly byteLength: number | undefined;
  /** Fingerprint of names, sizes and dates. */
  readonly identity: readonly string[];
}

/**
 * Lists the files of the inputs in order, each once. A folder or pattern that contains tables stands for the files
 * that `openDataset` reads; one that contains only text and unknown formats stands for all its files. For a
 * WebDataset, all files are listed.
 *
 * @throws {@link StorageError} for an input that does not exist; {@link ConfigError} for one with several formats or
 *   splits.
 */
export async function findInputs(
  inputs: readonly string[],
  storage: StorageOptions,
  { to, format }: { readonly to: string; readonly format?: FormatName | undefined },
): Promise<InputFiles> {
  const listed: string[] = [];
  for (const [k, files] of (await Promise.all(inputs.map((input) => filesOf(input, storage)))).entries())
    listed.push(...(to === 'webdataset' ? files : withoutNotes(inputs[k]!, files, format)));
  const names = [...new Set(listed)];
  const identity = names.map((name) => `${name} ${versionOf(name) ?? ''}`.trimEnd());
  const sizes = names.map((name) => (isRemote(name) ? undefined : statSync(localPath(name)).size));
  const byteLength = sizes.includes(undefined)
    ? undefined
    : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return { names, byteLength, identity };
}

const tables: readonly (FormatName | undefined)[] = ['jsonl', 'csv', 'parquet', 'arrow', 'webdataset'];

function withoutNotes(
  input: string,
  files: readonly string[],
  format: FormatName | undefined,
): readonly string[] {
  const isFolder = files.length !== 1 || files[0] !== input;
  if (!isFolder || !files.some((name) => tables.includes(formatOfEnding(name)?.name))) return files;
  if (format && !tables.includes(format)) return files;
  const chosen = chooseFiles(input, files, format);
  if (!tables.includes(chosen.format)) return files;
  warnOfLeftOut(input, chosen);
  return chosen.files;
}

/** The name of an indexed dataset lacks its endings. Files in node_modules are not data. */
async function filesOf(input: string, storage: StorageOptions): Promise<string[]> {
  if (!isRemote(input)) {
    const pair = ['.bin', '.idx'].map((ending) => `${localPath(input).replace(/\.(bin|idx)$/, '')}${ending}`);
    if (pair.every((file) => statSync(file, { throwIfNoEntry: false })?.isFile())) return pair;
  }
  const files = await listFiles(input, storage);
  const inPackages = (name: string) => name.slice(input.length).includes('/node_modules/');
  const own = files.filter((name) => !inPackages(name));
  for (const name of own) if (!isRemote(name)) checkExists(name);
  return own;
}

function checkExists(name: string): void {
  if (statSync(localPath(name), { throwIfNoEntry: false })) return;
  throw new StorageError('The input does not exist', {
    where: { path: localPath(name) },
    next: 'Pass a file, a folder, a pattern or a URL.',
  });
}

/** A text that changes when a local file changes. */
function versionOf(name: string): string | undefined {
  if (isRemote(name)) return undefined;
  const { size, mtimeMs } = statSync(localPath(name));
  return `${size} ${mtimeMs}`;
}

/**
 * Opens inputs as one dataset. Consecutive files of one format are opened together, by their endings; files of
 * unknown format are text. With a selection, the one input is opened as it was selected, by `openDataset`.
 *
 * @throws the errors of the formats' datasets; {@link ConfigError} if there are no samples.
 */
export async function openInputs(
  inputs: readonly string[],
  files: InputFiles,
  options: InputOptions,
): Promise<Dataset<unknown>> {
  const { selection } = options;
  if (selection !== undefined) return openSelection(inputs, { ...options, selection });
  const opened: Dataset<unknown>[] = [];
  try {
    for (const { format, names } of await groupsOf(inputs, files, options))
      opened.push(...(await openGroup(format, names, options)));
  } catch (error) {
    for (const dataset of opened) await dataset.close?.();
    throw error;
  }
  return notEmpty(opened.length === 1 ? opened[0]! : new ConcatDataset(opened));
}

async function openSelection(
  inputs: readonly string[],
  { selection, format, columns, storage }: InputOptions & { readonly selection: string },
): Promise<Dataset<unknown>> {
  if (inputs.length !== 1)
    throw new ConfigError('convert', [
      {
        field: 'selection',
        message: `takes one input, the data that was selected, not ${inputs.length}: put quotes around a pattern`,
      },
    ]);
  const options = { ...storage, selection, ...(format && { format }), ...(columns && { columns }) };
  return notEmpty((await openDataset(inputs[0]!, options)).dataset);
}

/** @throws {@link ConfigError} for a dataset without samples. */
async function notEmpty(dataset: Dataset<unknown>): Promise<Dataset<unknown>> {
  if (dataset.length > 0) return dataset;
  await dataset.close?.();
  throw new ConfigError('convert', [{ field: 'input', message: 'has no samples' }]);
}

interface InputGroup {
  readonly format: FormatName;
  readonly names: readonly string[];
}

/** Formats that are opened as folders or pairs of files. */
const wholeFormats: readonly FormatName[] = ['mds', 'indexed', 'images'];

async function groupsOf(
  inputs: readonly string[],
  { names }: InputFiles,
  { format, storage }: InputOptions,
): Promise<InputGroup[]> {
  if (format) return [{ format, names: wholeFormats.includes(format) ? inputs : names }];
  if (inputs.length === 1) {
    const found = await findData(inputs[0]!, storage).catch(() => undefined);
    if (found && wholeFormats.includes(found.format)) return [{ format: found.format, names: inputs }];
  }
  const groups: { format: FormatName; names: string[] }[] = [];
  for (const name of names) {
    const own = formatOfEnding(name)?.name ?? 'text';
    const last = groups.at(-1);
    if (last?.format === own) last.names.push(name);
    else groups.push({ format: own, names: [name] });
  }
  return groups;
}

async function openGroup(
  format: FormatName,
  names: readonly string[],
  { columns, textUnit, storage }: InputOptions,
): Promise<Dataset<unknown>[]> {
  if (format === 'text') return [await TextDataset.open(names, { ...storage, unit: textUnit })];
  // Opened separately, because files of one format may have different columns.
  const limit = pLimit(openedTogether);
  const options = { ...storage, format, ...(columns && { columns }) };
  const opening = names.map((name) => limit(async () => (await openDataset(name, options)).dataset));
  const results = await Promise.allSettled(opening);
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return Promise.all(opening);
  for (const result of results) if (result.status === 'fulfilled') await result.value.close?.();
  throw failed.reason;
}
