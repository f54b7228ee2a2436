import { ConfigError } from '../core/errors.js';
import { closest } from '../core/options.js';

/** Context of a choice of columns, for messages. */
export interface ColumnChoice {
  /** The dataset class, for messages. */
  readonly owner: string;
  /** The option that names the columns. @defaultValue `'columns'` */
  readonly field?: string;
  /** What the format calls a column. @defaultValue `'column'` */
  readonly noun?: string;
}

/**
 * The columns of a sample: the chosen ones, or all.
 *
 * @throws {@link ConfigError} for a column that is not there.
 */
export function chooseColumns(
  choice: ColumnChoice,
  chosen: readonly string[] | undefined,
  available: readonly string[],
): readonly string[] {
  if (!chosen) return available;
  const unknown = chosen.find((name) => !available.includes(name));
  if (unknown !== undefined) throw unknownColumn(choice, unknown, available);
  return chosen;
}

/** The error for a column that is not there. Every format throws it, so that the same mistake has the same code. */
export function unknownColumn(
  { owner, field = 'columns', noun = 'column' }: ColumnChoice,
  name: string,
  available: readonly string[],
  where: Readonly<Record<string, string>> = {},
): ConfigError {
  const listed = available.length === 0 ? 'there are none' : `there are ${available.join(', ')}`;
  const near = closest(name, available);
  const message = `there is no ${noun} ${name}; ${listed}`;
  return new ConfigError(`${owner} options`, [{ field, message }], {
    where,
    ...(near !== undefined && { next: `Did you mean ${near}?` }),
  });
}
