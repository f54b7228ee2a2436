import { ConfigError } from '../../core/errors.js';
import { setOwn } from '../../core/record.js';
import type { FileConstants, StoredColumn } from '../file-format.js';
import { relativeNames } from './choose-files.js';

/** What Hive and Spark write for a missing value. */
const missing = '__HIVE_DEFAULT_PARTITION__';

/** Whole numbers of 32 bits, as pyarrow recognizes them. */
const digits = /^-?\d+$/;
const largest = 2 ** 31 - 1;

/**
 * The columns in the names of folders, as Hive writes them: `year=2024/month=05/part.parquet`. They are typed as `pyarrow.dataset`
 * infers them: `int32` if all values are whole numbers of 32 bits, text otherwise.
 *
 * @param given - The folder or pattern. Folders before it are not read.
 * @param files - Its files.
 * @returns `undefined` if no folder has such a name
 * @throws {@link ConfigError} for a name that occurs twice in the path of a file
 */
export function hivePartitions(given: string, files: readonly string[]): FileConstants | undefined {
  const texts = relativeNames(given, files).map(valuesOf);
  const names = [...new Set(texts.flatMap((values) => [...values.keys()]))];
  if (names.length === 0) return undefined;
  const columns = names.map((name): StoredColumn => {
    const found = texts.map((values) => values.get(name) ?? null).filter((value) => value !== null);
    return { name, type: found.every(isInteger) ? 'int32' : 'string' };
  });
  const values = texts.map((found) => {
    const constants: Record<string, number | string | null> = {};
    for (const { name, type } of columns) {
      const text = found.get(name) ?? null;
      setOwn(constants, name, text !== null && type === 'int32' ? Number(text) + 0 : text);
    }
    return constants;
  });
  return { columns, values };
}

function isInteger(text: string): boolean {
  return digits.test(text) && Number(text) <= largest && Number(text) >= -largest - 1;
}

/** The values in the folders of a path, as text. */
function valuesOf(path: string): Map<string, string | null> {
  const values = new Map<string, string | null>();
  for (const folder of path.split('/').slice(0, -1)) {
    const at = folder.indexOf('=');
    if (at < 1) continue;
    const name = decoded(folder.slice(0, at));
    const value = decoded(folder.slice(at + 1));
    if (values.has(name))
      throw new ConfigError('Data files', [
        { field: 'files', message: `the path ${path} names the column ${name} twice` },
      ]);
    values.set(name, value === missing ? null : value);
  }
  return values;
}

/** Text with percent codes as characters; a text without valid ones as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
