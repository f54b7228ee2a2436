import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FormatError, MillraceError } from '../core/errors.js';
import { errorCode, messageOf } from '../core/thrown.js';
import { importModule } from '../datasets/module-value.js';
import { makeFromRecipe } from '../recipes/make-from-recipe.js';
import type { Launch } from './config.js';

/** An export of a module; a function is called with the process it is for. */
export interface ImportedDefault {
  readonly value: unknown;
  readonly variesByRank: boolean;
}

/**
 * @param name - The export.
 * @throws {@link FormatError} when the module cannot be loaded. Millrace errors thrown inside it pass through.
 */
export function importDefault(path: string, launch: Launch, name = 'default'): Promise<ImportedDefault> {
  const module = pathToFileURL(resolve(path)).href;
  return explained(path, async () => {
    const exported = await makeFromRecipe({ module, export: name, calls: false });
    if (typeof exported !== 'function') return { value: await exported, variesByRank: false };
    return { value: await exported(launch), variesByRank: true };
  });
}

/** All exports of a module by name. @throws the errors of {@link importDefault} */
export function importAll(path: string): Promise<Readonly<Record<string, unknown>>> {
  return explained(path, () => importModule(pathToFileURL(resolve(path)).href));
}

async function explained<V>(path: string, load: () => Promise<V>): Promise<V> {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const missing = missingPackage(cause);
    const next = missing
      ? `In its folder, run: npm install ${missing}`
      : "See the cause for the module's own error.";
    throw new FormatError('The module cannot be loaded', { where: { file: path }, next, cause });
  }
}

/** The package that Node.js did not find, if that is the cause. */
function missingPackage(cause: unknown): string | undefined {
  if (errorCode(cause) !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /^Cannot find package '([^']+)'/.exec(messageOf(cause))?.[1];
}
