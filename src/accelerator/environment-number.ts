import { ConfigError } from '../core/errors.js';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process; none in a browser. */
export function processEnvironment(): Environment {
  return (globalThis as { process?: { env?: Environment } }).process?.env ?? {};
}

/**
 * Reads an integer from an environment variable of the launcher; 0 if unset.
 *
 * @throws {@link ConfigError} if it is not an integer of 0 or more.
 */
export function environmentNumber(
  variable: 'LOCAL_SIZE' | 'LOCAL_RANK',
  environment: Environment = processEnvironment(),
): number {
  const text = environment[variable]?.trim() || '0';
  if (/^\d+$/.test(text)) return Number(text);
  throw new ConfigError(
    'Environment',
    [{ field: variable, message: `must be an integer of 0 or more, not "${text}"` }],
    { next: `Set ${variable} to the launcher's value, or unset it.` },
  );
}
