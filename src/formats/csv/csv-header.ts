import { isUtf8 } from 'node:buffer';
import Papa from 'papaparse';
import { FormatError } from '../../core/errors.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentName } from '../../storage/decompress.js';
import { asBuffer } from '../records/as-buffer.js';
import type { RecordFiles } from '../records/record-files.js';
import { startOfText } from '../text/line-index.js';
import { type CsvCells, isTooLong, toNumber } from './csv-columns.js';

/** Bytes that are read to detect delimiter and header. */
const lookedAt = 65_536;

/** Parses a row into cells. `problem` says what is wrong with it. */
export function parseRow(text: string, delimiter: string): { cells: string[]; problem?: string } {
  // Without its line ending, so that quoted line endings stay as they are.
  const { data, errors } = Papa.parse<string[]>(text.replace(/[\r\n]+$/, ''), {
    delimiter,
    newline: '\n',
    quoteChar: '"',
    preview: 1,
  });
  const [problem] = errors;
  return { cells: data[0] ?? [], ...(problem && { problem: `is not separated values: ${problem.message}` }) };
}

const delimiters = [',', ';', '\t', '|'];
const rowsLookedAt = 20;

/** Detects the delimiter of a file: see `CsvDatasetOptions.delimiter`. */
export async function findDelimiter(source: ByteSource, decimal: CsvCells['decimal']): Promise<string> {
  if (contentName(source.name).endsWith('.tsv')) return '\t';
  const start = await startOfText(source);
  const head = await source.read(start, Math.min(start + lookedAt, source.byteLength));
  const text = asBuffer(head).toString('latin1');
  const isCut = start + lookedAt < source.byteLength;
  const possible = delimiters.filter((delimiter) => delimiter !== decimal);
  return possible.find((delimiter) => cutsEvenly(text, delimiter, isCut)) ?? possible[0]!;
}

function cutsEvenly(text: string, delimiter: string, isCut: boolean): boolean {
  const newline = /\r\n|\r|\n/.exec(text)?.[0] as '\r\n' | '\r' | '\n' | undefined;
  const { data, meta } = Papa.parse<string[]>(text, {
    delimiter,
    ...(newline && { newline }),
    skipEmptyLines: true,
    preview: rowsLookedAt,
  });
  const rows = isCut && !meta.truncated ? data.slice(0, -1) : data;
  const [first] = rows;
  return first !== undefined && first.length > 1 && rows.every(({ length }) => length === first.length);
}

/**
 * Whether the first row of a file holds names of columns: not if it contains only numbers, unless they count from 0, which is
 * how pandas names unnamed columns.
 */
export async function beginsWithNames(
  source: ByteSource,
  delimiter: string,
  decimal: CsvCells['decimal'],
): Promise<boolean> {
  const start = await startOfText(source);
  const text = textOf(await source.read(start, Math.min(start + lookedAt, source.byteLength)));
  const { cells } = parseRow(text, delimiter);
  const isNumber = (cell: string): boolean =>
    cell.trim() !== '' && (toNumber(cell, decimal) !== undefined || isTooLong(cell));
  const isRow = cells.length > 0 && cells.every(isNumber);
  return !isRow || cells.every((cell, k) => cell === String(k));
}

/** Reads the header of each file. @throws {@link FormatError} if it is empty or has a name twice. */
export function readHeaders({ sources, starts }: RecordFiles, delimiter: string): Promise<string[][]> {
  return Promise.all(sources.map((source, k) => readHeader(source, starts[k], delimiter)));
}

/** @param end - Offset of the first row; `undefined` for a file without rows. */
async function readHeader(source: ByteSource, end: number | undefined, delimiter: string): Promise<string[]> {
  const start = await startOfText(source);
  const bytes = await source.read(start, end ?? start);
  if (!isUtf8(bytes)) {
    throw new FormatError('The names of the columns are not text in UTF-8', {
      where: { file: source.name, byteOffset: start },
      next: 'Write the file again in UTF-8: iconv -f LATIN1 -t UTF-8 does it.',
    });
  }
  const text = textOf(bytes);
  const { cells, problem } = parseRow(text, delimiter);
  const twice = cells.find((name, k) => cells.indexOf(name) !== k);
  if (cells.length > 0 && !problem && twice === undefined) return cells;
  const why = twice === undefined ? (problem ?? 'it is empty') : `${JSON.stringify(twice)} appears twice`;
  throw new FormatError(`The file does not begin with names of columns: ${why}`, {
    where: { file: source.name, byteOffset: start },
    next: "Give the names with { header: ['…'] }, or { header: false } to number them.",
  });
}

/** Names of the columns: those of the headers, which must agree, or numbered names. */
export async function fieldsOf(
  sources: readonly ByteSource[],
  headers: readonly string[][],
  records: RecordFiles,
  delimiter: string,
): Promise<readonly string[]> {
  const [first] = headers;
  if (!first) {
    const row = records.length === 0 ? '' : await records.text(0);
    return parseRow(row, delimiter).cells.map((_, k) => `column${k}`);
  }
  checkSameNames(sources, headers, 'Open them as two datasets.');
  return first;
}

/** @throws {@link FormatError} if two files have different columns, or the same in another order */
export function checkSameNames(
  sources: readonly ByteSource[],
  headers: readonly (readonly string[])[],
  next: string,
): void {
  const [first = []] = headers;
  const other = headers.findIndex((names) => names.join('\n') !== first.join('\n'));
  if (other < 0) return;
  throw new FormatError('Two files have different columns', {
    where: {
      file: sources[other]!.name,
      columns: headers[other]!.join(' '),
      firstFile: sources[0]!.name,
      firstColumns: first.join(' '),
    },
    next,
  });
}

/** Text without leading blank lines. */
function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes)
    .toString('utf8')
    .replace(/^[\r\n]+/, '');
}
