import { ConfigError } from '../core/errors.js';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process; none in a browser. */
export function processEnvironment(): Environment {
  return (globalThis as { process?: { env?: Environment } }).process?.env ?? {};
}

/**
 * A number that a launcher says in an environment variable; 0 where it does not.
 *
 * @throws {@link ConfigError} when it is not a whole number.
 */
export function environmentNumber(
  variable: 'LOCAL_SIZE' | 'LOCAL_RANK',
  environment: Environment = processEnvironment(),
): number {
  const text = environment[variable]?.trim() || '0';
  if (/^\d+$/.test(text)) return Number(text);
  throw new ConfigError(
    'Environment',
    [{ field: variable, message: `must be a whole number, found "${text}"` }],
    { next: `Set ${variable} as the launcher does, or unset it.` },
  );
}
