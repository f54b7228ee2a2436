import { FormatError } from '../core/errors.js';
import { importAtRunTime } from '../core/import-at-run-time.js';
import { providedModule, providedNames } from '../core/provided-modules.js';
import type { ModuleRecipe } from '../core/recipe.js';
import { ownValue } from '../core/record.js';
import { locateSyntaxError } from './locate-syntax-error.js';
import { registerTypeScript } from './register-typescript.js';

/**
 * Returns a module's export, or the value that the exported function returns.
 *
 * @throws {@link FormatError} if the module has no such export or is a `data:` URL; {@link MissingPeerError} if it is
 * TypeScript and no installed package can load it.
 */
export async function valueOfModule(recipe: ModuleRecipe): Promise<unknown> {
  const exports = await importModule(recipe.module);
  if (!Object.hasOwn(exports, recipe.export)) {
    throw new FormatError(`The module has no export named ${recipe.export}`, {
      where: { module: recipe.module, exports: Object.keys(exports).join(', ') || '(none)' },
      next: `Export it, or name another one with { export: '…' }.`,
    });
  }
  const value = ownValue(exports, recipe.export);
  return recipe.calls && typeof value === 'function' ? await value(recipe.options) : value;
}

function syntaxError(url: string, cause: SyntaxError): FormatError {
  const place = locateSyntaxError(url);
  return new FormatError(`The module cannot be loaded: ${cause.message}`, {
    where: place ? { file: place.file, line: place.line } : { module: url },
    next: place ? 'Correct it there.' : 'Look at what it imports.',
    cause,
  });
}

/** Imports a module. @throws the errors of {@link valueOfModule}, except that of a missing export */
export async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  const provided = providedModule(url);
  if (provided) return provided;
  if (url.startsWith('worker:')) {
    throw new FormatError(`No module is provided under the name ${url}`, {
      where: { provided: providedNames().join(', ') || '(none)' },
      next: `Where it is needed, call provideModules({ '${url}': () => import('./…') }) of millrace/worker.`,
    });
  }
  // A recipe is data. If it could contain code, the author of the data could run code here.
  if (/^data:/i.test(url))
    throw new FormatError('A module is named by a data: URL, which holds its code', {
      where: { module: `${url.slice(0, 40)}…` },
      next: 'Put the code into a file and name that: new URL("./dataset.js", import.meta.url).',
    });
  if (/\.[mc]?tsx?$/.test(new URL(url).pathname)) await registerTypeScript(url);
  try {
    return await importAtRunTime(url);
  } catch (cause) {
    throw cause instanceof SyntaxError ? syntaxError(url, cause) : cause;
  }
}
