import { ConfigError, FormatError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { ownValue } from '../../core/record.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { CsvDataset } from '../csv/csv-dataset.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';

/** A table with the label of each file. */
export interface LabelTable {
  /** Path or URL of a CSV, TSV or Parquet file. */
  readonly table: string | URL;
  /** The column with the names of files, relative to the folder of the images; the ending may be missing. */
  readonly file?: string;
  /** The column with labels: names of classes, or whole numbers from 0. */
  readonly label?: string;
}

/** How the images of a folder get their labels. */
export type ImageLabels = string | URL | LabelTable | ((path: string) => string | number) | false;

/** Images with the label of each, as a table or a function gives it. */
export interface LabeledPaths {
  readonly paths: readonly string[];
  readonly labels: readonly (string | number)[];
}

const fileColumns = ['file_name', 'filename', 'file', 'path', 'image', 'image_id', 'id'];
const labelColumns = ['label', 'class', 'target', 'category'];

/** The rows of a table, in its order. @throws {@link ConfigError} for columns that are not clear; {@link FormatError} for files that are not there */
export async function labelsOfTable(
  given: string | URL | LabelTable,
  images: readonly string[],
  storage: StorageOptions,
): Promise<LabeledPaths> {
  const { table, file, label }: LabelTable =
    typeof given === 'string' || given instanceof URL ? { table: given } : given;
  const name = String(table);
  const rows = await readTable(name, storage, { file, label });
  const find = finder(images);
  const seen = new Set<string>();
  const paths: string[] = [];
  const labels: (string | number)[] = [];
  for (const [row, { file: written, label: value }] of rows.entries()) {
    const where = { file: name, row, name: written };
    const path = find(written);
    if (path === undefined)
      throw new FormatError(`A table names the image ${written}, which is not there`, {
        where,
        next: 'Names are relative to the folder of the images. Correct the row, or add the file.',
      });
    if (seen.has(path))
      throw new FormatError(`A table names the image ${written} twice`, { where, next: 'Remove a row.' });
    seen.add(path);
    paths.push(path);
    labels.push(value);
  }
  return { paths, labels };
}

/** Finds an image by its path, or by its path without the ending. */
function finder(images: readonly string[]): (name: string) => string | undefined {
  const exact = new Set(images);
  const stems = new Map<string, string | null>();
  for (const path of images) {
    const stem = path.replace(/\.[^./]+$/, '');
    stems.set(stem, stems.has(stem) ? null : path);
  }
  return (name) => {
    const path = name.replace(/^\.\//, '');
    return exact.has(path) ? path : (stems.get(path) ?? undefined);
  };
}

async function readTable(
  name: string,
  storage: StorageOptions,
  asked: { readonly file: string | undefined; readonly label: string | undefined },
): Promise<{ readonly file: string; readonly label: string | number }[]> {
  const isParquet = /\.(parquet|pq)$/i.test(name);
  let rows: CsvDataset | ParquetDataset = isParquet
    ? await ParquetDataset.open(name, storage)
    : await CsvDataset.open(name, storage);
  try {
    const columns = rows.columns.map((column) => column.name);
    const file = chosen('file', asked.file, fileColumns, columns, name);
    const label = chosen('label', asked.label, labelColumns, columns, name);
    // A file may be called 0012, which is not a number.
    if (!isParquet) {
      rows.close();
      rows = await CsvDataset.open(name, { ...storage, types: { [file]: 'string' } });
    }
    const made: { file: string; label: string | number }[] = [];
    for (let index = 0; index < rows.length; index++) {
      const row = await rows.get(index);
      made.push({
        file: String(ownValue(row, file)),
        label: labelOf(ownValue(row, label), { file: name, row: index, column: label }),
      });
    }
    return made;
  } finally {
    rows.close();
  }
}

function chosen(
  field: 'file' | 'label',
  asked: string | undefined,
  usual: readonly string[],
  columns: readonly string[],
  table: string,
): string {
  const found = asked ?? usual.find((name) => columns.includes(name));
  if (found !== undefined && columns.includes(found)) return found;
  const what = asked === undefined ? `none of ${usual.join(', ')}` : `no column ${asked}`;
  throw new ConfigError('ImageFolder options', [
    {
      field: `labels.${field}`,
      message: `must name a column: ${table} has ${what}, but ${columns.join(', ')}`,
    },
  ]);
}

function labelOf(value: unknown, where: { file: string; row: number; column: string }): string | number {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new FormatError(`A row has no label`, { where, next: 'Give every row a label, or remove it.' });
}

/**
 * Numbers labels by class: whole numbers stay as they are, names are sorted, or have the order that is given.
 *
 * @returns images whose class is not among the given ones are left out.
 * @throws {@link ConfigError} for labels that cannot be classes
 */
export function numberLabels(
  { paths, labels }: LabeledPaths,
  given: readonly string[] | undefined,
): {
  readonly classes: readonly string[];
  readonly paths: readonly string[];
  readonly labels: readonly number[];
} {
  const wrong = (field: string, message: string) =>
    new ConfigError('ImageFolder options', [{ field, message }]);
  if (given && (given.length === 0 || new Set(given).size < given.length))
    throw wrong('classes', given.length === 0 ? 'must not be empty' : 'names a class twice');
  if (labels.every((label) => typeof label === 'number')) {
    const bad = labels.find((label) => !Number.isInteger(label) || label < 0 || label >= 2 ** 31);
    if (bad !== undefined)
      throw wrong('labels', `has the label ${bad}, which is not a whole number of 0 or more`);
    const most = labels.reduce((max, label) => Math.max(max, label), -1);
    if (given && most >= given.length)
      throw wrong('classes', `names ${given.length} classes, and there is the label ${most}`);
    const classes = given ?? Array.from({ length: most + 1 }, (_, k) => String(k));
    return { classes, paths, labels };
  }
  const names = labels.map(String);
  const classes = given ?? [...new Set(names)].sort(byCodePoint);
  const places = new Map(classes.map((name, place) => [name, place]));
  const missing = classes.filter((name) => !names.includes(name));
  if (missing.length > 0) throw wrong('classes', `no image has the label ${missing.join(', ')}`);
  const kept = names.flatMap((name, k) => (places.has(name) ? [k] : []));
  return {
    classes,
    paths: kept.map((k) => paths[k]!),
    labels: kept.map((k) => knownValue(places, names[k]!)),
  };
}
