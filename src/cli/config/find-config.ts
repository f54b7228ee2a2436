import { existsSync } from 'node:fs';
import { StorageError } from '../../core/errors.js';

/** What a configuration is called where it is not named, in the order in which it is looked for. */
export const configNames = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `millrace.config.${ending}`);

/** The configuration of the folder that the command runs in. @throws {@link StorageError} when there is none */
export function findConfig(): string {
  const found = configNames.find((name) => existsSync(name));
  if (found !== undefined) return found;
  throw new StorageError('There is no configuration here', {
    where: { folder: process.cwd() },
    next: 'Name one, or write one with: millrace init',
  });
}
