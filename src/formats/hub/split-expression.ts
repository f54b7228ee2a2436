import { ConfigError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';

/** Rows of a split: `start … end - 1`. */
export interface SplitSlice {
  readonly split: string;
  readonly start: number;
  /** Not before `start`. */
  readonly end: number;
}

interface Bound {
  readonly amount: number;
  readonly isPercent: boolean;
}

interface SliceExpression {
  readonly split: string;
  readonly from: Bound | undefined;
  readonly to: Bound | undefined;
  readonly dropsRemainder: boolean;
}

const sliceForm =
  /^([\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)*)(?:\[(?:(-?[\d_]+)(%)?)?:(?:(-?[\d_]+)(%)?)?\])?(?:\(([^)]*)\))?$/u;

/**
 * Reads what `split` names: `train`, `train[:90%]`, `test[100:-5]`, `train[:50%](pct1_dropremainder)`, several joined by `+`, or `all`.
 * The rules are those of Hugging Face `datasets`: one percent sign makes both bounds percentages, which are rounded to the nearest row,
 * halves to the even one.
 *
 * @returns the names of the splits in order, and a function from their lengths to the rows.
 * @throws {@link ConfigError} for another form, a split that is not there, a percentage beyond 100, or no rows.
 */
export function parseSplit(
  text: string,
  known: readonly string[],
): { readonly splits: readonly string[]; slices(lengths: ReadonlyMap<string, number>): SplitSlice[] } {
  const spelled = text === 'all' ? known.join('+') : text;
  const parts = spelled.split('+').map((part) => parsePart(part, text, known));
  if (new Set(parts.filter(hasPercent).map(({ dropsRemainder }) => dropsRemainder)).size > 1)
    throw refused(`${text} rounds percentages in two ways`);
  return {
    splits: [...new Set(parts.map(({ split }) => split))],
    slices(lengths) {
      const found = parts.map((part) => sliceOf(part, knownValue(lengths, part.split), text));
      // As in `datasets`, a slice that ends before it starts is empty and no error.
      if (found.some(({ start, to }) => start !== to)) return found;
      throw refused(`${text} has no rows`);
    },
  };
}

function hasPercent({ from, to }: SliceExpression): boolean {
  return Boolean(from?.isPercent || to?.isPercent);
}

function parsePart(part: string, text: string, known: readonly string[]): SliceExpression {
  const found = sliceForm.exec(part);
  if (!found) {
    throw refused(
      `${JSON.stringify(text)} is not a split`,
      'Write train, train[:90%], train[100:200], or several joined by +.',
    );
  }
  const [, split = '', from, fromPercent, to, toPercent, rounding] = found;
  const isPercent = Boolean(fromPercent || toPercent);
  const boundOf = (amount: string | undefined): Bound | undefined =>
    amount === undefined ? undefined : { amount: Number(amount.replaceAll('_', '')), isPercent };
  const made = {
    split,
    from: boundOf(from),
    to: boundOf(to),
    dropsRemainder: rounding === 'pct1_dropremainder',
  };
  if (rounding !== undefined && (!isPercent || !/^(closest|pct1_dropremainder)$/.test(rounding)))
    throw refused(
      `${part} ends in (${rounding}), and only percentages are rounded, by closest or pct1_dropremainder`,
    );
  for (const bound of [made.from, made.to]) {
    if (bound && !Number.isInteger(bound.amount))
      throw refused(`${part} has a bound that is no whole number`);
    if (bound?.isPercent && Math.abs(bound.amount) > 100)
      throw refused(`${part} has a bound beyond 100 percent`);
  }
  if (known.includes(split)) return made;
  throw refused(`there is no split ${split}, only ${known.join(', ')}`);
}

function sliceOf(
  { split, from, to, dropsRemainder }: SliceExpression,
  length: number,
  text: string,
): SplitSlice & { readonly to: number } {
  const rowOf = (bound: Bound | undefined, missing: number): number => {
    if (!bound) return missing;
    const row = bound.isPercent ? percent(bound.amount, length, dropsRemainder, text) : bound.amount;
    return Math.min(length, row < 0 ? Math.max(0, length + row) : row);
  };
  const start = rowOf(from, 0);
  const last = rowOf(to, length);
  return { split, start, to: last, end: Math.max(start, last) };
}

function percent(amount: number, length: number, dropsRemainder: boolean, text: string): number {
  if (!dropsRemainder) return halfToEven((amount * length) / 100);
  if (length >= 100) return amount * Math.trunc(length / 100);
  throw refused(`${text} is empty: a percent of ${length} rows without remainder is no row`);
}

/** The nearest whole number; the even one of two, as Python rounds. */
function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function refused(message: string, next?: string): ConfigError {
  return new ConfigError('loadDataset options', [{ field: 'split', message }], next ? { next } : {});
}
