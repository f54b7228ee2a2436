/** Type of the cells of a column. */
export type CsvType = 'number' | 'boolean' | 'string';

/** A column of separated values. */
export interface CsvColumn {
  readonly name: string;
  readonly type: CsvType;
}

/** Value of a cell; `null` for a missing boolean. */
export type CsvValue = number | boolean | string | null;

/** Digits with leading zeros are identifiers, such as postcodes, not numbers. */
const numeric = /^[+-]?(0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(\.\d+)?([eE][+-]?\d+)?$/;
/** Whole numbers that may be too long for a `number`. */
const long = /^[+-]?\d{16,}$/;
/** Numbers with more digits are infinite as a `number`. */
const mostDigits = 308;
const words = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * The narrowest type that fits all cells. Empty cells fit every type; a column of empty cells only is text. So is a column of
 * whole numbers that a `number` cannot represent: rounding would turn one id into another.
 */
export function typeOfCells(cells: readonly string[]): CsvType {
  const told = cells.filter((cell) => cell !== '');
  if (told.length === 0) return 'string';
  if (told.every((cell) => toNumber(cell) !== undefined)) return 'number';
  return told.every((cell) => toBoolean(cell) !== undefined) ? 'boolean' : 'string';
}

/**
 * The value of a cell; `undefined` if it does not have the type. An empty cell is `NaN` as a number and `null` as a boolean.
 */
export function valueOfCell(cell: string, type: CsvType): CsvValue | undefined {
  if (type === 'string') return cell;
  return type === 'number' ? toNumber(cell) : toBoolean(cell);
}

/** @returns `undefined` if the cell is not a number, `NaN` if it is empty */
export function toNumber(cell: string): number | undefined {
  const text = cell.trim();
  if (text === '') return Number.NaN;
  if (!numeric.test(text)) return words.get(text.toLowerCase());
  return isTooLong(text) ? undefined : Number(text);
}

/** Whether a cell is a whole number that a `number` cannot represent. */
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
