import { existsSync } from 'node:fs';
import { ConfigError } from '../../core/errors.js';

/** File names of a configuration, in order of preference. */
export const configNames = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `millrace.config.${ending}`);

/** Finds the configuration in the working directory. @throws {@link ConfigError} if there is none. */
export function findConfig(): string {
  const found = configNames.find((name) => existsSync(name));
  if (found !== undefined) return found;
  throw new ConfigError(
    'No configuration',
    [{ field: '', message: `this folder has none of ${configNames.join(', ')}` }],
    { where: { folder: process.cwd() }, next: 'Pass the path of one, or write one with: millrace init' },
  );
}
