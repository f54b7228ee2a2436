import { ConfigError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import type { DataLoader } from '../loader/index.js';
import type { ParsedConfig } from './config-schema.js';

/**
 * Amends a loader as the phases of a configuration say.
 *
 * @param names - The sources of a declared mixture.
 * @throws {@link ConfigError} naming the field at fault
 */
export async function applyPhases(
  loader: Pick<DataLoader<unknown>, 'amend'>,
  phases: ParsedConfig['phases'],
  names: readonly string[],
): Promise<void> {
  for (const [k, { weights, ...phase }] of phases.entries()) {
    const field = `phases.${k}`;
    const before = phases[k - 1];
    if (before && phase.at <= before.at)
      throw problem(
        `${field}.at`,
        `is ${phase.at}, but must be above that of the phase before, ${before.at}`,
      );
    try {
      await loader.amend(weights ? { ...phase, weights: byNumber(weights, names, field) } : phase);
    } catch (error) {
      if (!(error instanceof ConfigError) || error.field.startsWith(field)) throw error;
      throw new ConfigError(
        'Millrace configuration',
        error.problems.map((of) => ({ ...of, field: of.field ? `${field}.${of.field}` : field })),
      );
    }
  }
}

/** The weights in the order of the sources. */
function byNumber(
  weights: NonNullable<ParsedConfig['phases'][number]['weights']>,
  names: readonly string[],
  field: string,
): readonly number[] {
  if (Array.isArray(weights)) return weights;
  const byName = weights as Readonly<Record<string, number>>;
  const unknown = Object.keys(byName).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw problem(
      `${field}.weights.${unknown}`,
      `is not a source; the sources are ${names.join(', ') || 'not named'}`,
    );
  return names.map((name) => ownValue(byName, name) ?? 0);
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('Millrace configuration', [{ field, message }]);
}
