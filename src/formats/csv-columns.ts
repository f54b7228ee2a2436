/** What the cells of a column are read as. */
export type CsvType = 'number' | 'boolean' | 'string';

/** A column of separated values. */
export interface CsvColumn {
  readonly name: string;
  readonly type: CsvType;
}

/** What a cell can hold. */
export type CsvValue = number | boolean | string;

/** Digits with leading zeros are names, of a postcode or a phone, not numbers. */
const numeric = /^[+-]?(0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(\.\d+)?([eE][+-]?\d+)?$/;
const words = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/** The narrowest type that all cells have; empty cells say nothing. A column of nothing but empty cells holds text. */
export function typeOfCells(cells: readonly string[]): CsvType {
  const told = cells.filter((cell) => cell !== '');
  if (told.length === 0) return 'string';
  if (told.every((cell) => toNumber(cell) !== undefined)) return 'number';
  return told.every((cell) => toBoolean(cell) !== undefined) ? 'boolean' : 'string';
}

/** The value of a cell; `undefined` where it is not of the type. An empty cell is `NaN` as a number. */
export function valueOfCell(cell: string, type: CsvType): CsvValue | undefined {
  if (type === 'string') return cell;
  return type === 'number' ? toNumber(cell) : toBoolean(cell);
}

/** @returns `undefined` where it is none; `NaN` of nothing. */
export function toNumber(cell: string): number | undefined {
  const text = cell.trim();
  if (text === '') return Number.NaN;
  return numeric.test(text) ? Number(text) : words.get(text.toLowerCase());
}

function toBoolean(cell: string): boolean | undefined {
  const text = cell.trim().toLowerCase();
  if (text === 'true') return true;
  return text === 'false' ? false : undefined;
}
