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

/** How cells are written. */
export interface CsvCells {
  /** The mark before the fraction of a number. @defaultValue `'.'` */
  readonly decimal?: '.' | ',' | undefined;
  /** Cells that stand for a missing value, besides empty ones. @defaultValue none */
  readonly missing?: readonly string[] | undefined;
}

/**
 * Finds the narrowest type that fits all cells of a column. Empty cells fit every type; a column of empty cells only is text. So is a
 * column of whole numbers that a `number` cannot represent: rounding would turn one id into another.
 */
export class TypeOfCells {
  readonly #cells: CsvCells;
  #hasValue = false;
  #isNumber = true;
  #isBoolean = true;

  constructor(cells: CsvCells) {
    this.#cells = cells;
  }

  add(cell: string): void {
    if (cell === '' || this.#cells.missing?.includes(cell)) return;
    this.#hasValue = true;
    this.#isNumber &&= toNumber(cell, this.#cells.decimal) !== undefined;
    this.#isBoolean &&= toBoolean(cell) !== undefined;
  }

  get type(): CsvType {
    if (!this.#hasValue) return 'string';
    if (this.#isNumber) return 'number';
    return this.#isBoolean ? 'boolean' : 'string';
  }
}

/**
 * The value of a cell; `undefined` if it does not have the type. An empty cell is `NaN` as a number and `null` as a boolean. One that
 * stands for a missing value is also `null` as text.
 */
export function valueOfCell(cell: string, type: CsvType, cells: CsvCells): CsvValue | undefined {
  if (cells.missing?.includes(cell)) return type === 'number' ? Number.NaN : null;
  if (type === 'string') return cell;
  return type === 'number' ? toNumber(cell, cells.decimal) : toBoolean(cell);
}

/** @returns `undefined` if the cell is not a number, `NaN` if it is empty */
export function toNumber(cell: string, decimal: CsvCells['decimal'] = '.'): number | undefined {
  const trimmed = cell.trim();
  if (trimmed === '') return Number.NaN;
  if (decimal === ',' && trimmed.includes('.')) return undefined;
  const text = decimal === ',' ? trimmed.replace(',', '.') : trimmed;
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
