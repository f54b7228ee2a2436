import { ConfigError } from '../core/errors.js';
import { type Environment, environment } from '../core/platform.js';

/**
 * Reads an integer from an environment variable of the launcher; 0 if unset.
 *
 * @throws {@link ConfigError} if it is not an integer of 0 or more.
 */
export function environmentNumber(
  variable: 'LOCAL_SIZE' | 'LOCAL_RANK',
  variables: Environment = environment,
): number {
  const text = variables[variable]?.trim() || '0';
  if (/^\d+$/.test(text)) return Number(text);
  throw new ConfigError(
    'Environment',
    [{ field: variable, message: `must be an integer of 0 or more, not "${text}"` }],
    { next: `Set ${variable} to the launcher's value, or unset it.` },
  );
}
