/** What the cells of a column are read as. */
export type CsvType = 'number' | 'boolean' | 'string';

/** A column of separated values. */
export interface CsvColumn {
  readonly name: string;
  readonly type: CsvType;
}

/** What a cell can hold; `null` where a boolean is missing. */
export type CsvValue = number | boolean | string | null;

/** Digits with leading zeros are names, of a postcode or a phone, not numbers. */
const numeric = /^[+-]?(0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(\.\d+)?([eE][+-]?\d+)?$/;
/** Whole numbers that may be too long for a `number`. */
const long = /^[+-]?\d{16,}$/;
/** Numbers of more digits are infinite as a `number`. */
const mostDigits = 308;
const words = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * The narrowest type that all cells have; empty cells say nothing. A column of nothing but empty cells holds text, and so does one
 * of whole numbers that no `number` is: as one, an id would become another's.
 */
export function typeOfCells(cells: readonly string[]): CsvType {
  const told = cells.filter((cell) => cell !== '');
  if (told.length === 0) return 'string';
  if (told.every((cell) => toNumber(cell) !== undefined)) return 'number';
  return told.every((cell) => toBoolean(cell) !== undefined) ? 'boolean' : 'string';
}

/** The value of a cell; `undefined` where it is not of the type. An empty cell is `NaN` as a number, `null` as a boolean. */
export function valueOfCell(cell: string, type: CsvType): CsvValue | undefined {
  if (type === 'string') return cell;
  return type === 'number' ? toNumber(cell) : toBoolean(cell);
}

/** @returns `undefined` where it is none; `NaN` of nothing. */
export function toNumber(cell: string): number | undefined {
  const text = cell.trim();
  if (text === '') return Number.NaN;
  if (!numeric.test(text)) return words.get(text.toLowerCase());
  return isTooLong(text) ? undefined : Number(text);
}

/** Whether a cell is a whole number, and no `number` is the same. */
export function isTooLong(cell: string): boolean {
  const text = cell.trim();
  if (!long.test(text)) return false;
  return text.length > mostDigits || BigInt(text.replace('+', '')) !== BigInt(Number(text));
}

function toBoolean(cell: string): boolean | null | undefined {
  const text = cell.trim().toLowerCase();
  if (text === '') return null;
  if (text === 'true') return true;
  return text === 'false' ? false : undefined;
}
