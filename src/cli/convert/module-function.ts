import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../core/errors.js';
import { type WorkerFunction, workerFunction } from '../../datasets/worker-module.js';

/**
 * The function of a module that a flag names: its default export (`./label.ts`) or a named one (`./label.ts#score`).
 *
 * @throws {@link ConfigError} if the file does not exist.
 */
export function moduleFunction<F extends (...args: never[]) => unknown>(
  command: string,
  flag: string,
  text: string,
): WorkerFunction<F> {
  const [path = '', name] = text.split('#');
  if (existsSync(path)) return workerFunction(pathToFileURL(resolve(path)), name ? { export: name } : {});
  throw new ConfigError(command, [{ field: flag, message: `file ${path} does not exist` }]);
}
