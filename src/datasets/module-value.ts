import { FormatError, MissingPeerError } from '../core/errors.js';
import type { ModuleRecipe } from '../core/recipe.js';
import { providedModule, providedNames } from './provided-modules.js';

/**
 * What a module exports, or what the function makes that it exports.
 *
 * @throws {@link FormatError} when the module has no such export, {@link MissingPeerError} when it is TypeScript and
 *   nothing here can load that.
 */
export async function valueOfModule(recipe: ModuleRecipe): Promise<unknown> {
  const exports = await importModule(recipe.module);
  if (!(recipe.export in exports)) {
    throw new FormatError(`The module has no export named ${recipe.export}`, {
      where: { module: recipe.module, exports: Object.keys(exports).join(', ') || '(none)' },
      next: `Export it, or name another one with { export: '…' }.`,
    });
  }
  const value = exports[recipe.export];
  return recipe.calls && typeof value === 'function' ? await value(recipe.options) : value;
}

async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  const provided = providedModule(url);
  if (provided) return provided;
  if (url.startsWith('worker:')) {
    throw new FormatError(`No module is provided under the name ${url}`, {
      where: { provided: providedNames().join(', ') || '(none)' },
      next: `Where it is needed, call provideModules({ '${url}': () => import('./…') }) of millrace/worker.`,
    });
  }
  if (/\.[mc]?tsx?$/.test(new URL(url).pathname) && !loadsTypeScript()) await registerTypeScript(url);
  return (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
}

/** Whether this platform loads TypeScript by itself: Node.js from 22.18 does, a bundler has compiled it. */
function loadsTypeScript(): boolean {
  return (
    typeof process === 'undefined' ||
    Boolean((process.features as { typescript?: unknown } | undefined)?.typescript)
  );
}

let registered: Promise<unknown> | undefined;

// Registered before the first try: Node.js 20 remembers a module that failed to load.
async function registerTypeScript(url: string): Promise<void> {
  const tsx = 'tsx/esm/api';
  registered ??= import(/* @vite-ignore */ tsx).then(({ register }: { register: () => unknown }) => {
    register();
    process.getBuiltinModule('node:module').register(asModules);
  });
  try {
    await registered;
  } catch (cause) {
    throw new MissingPeerError('A dataset module in TypeScript cannot be loaded by this version of Node.js', {
      where: { module: url },
      next: 'Run: npm install tsx, or use Node.js 22.18 or later, or name the compiled .js file.',
      cause,
    });
  }
}

/**
 * Hooks that make every `.ts` an ES module, as Node.js does that loads TypeScript by itself. tsx would take it for CommonJS where no
 * package.json says `"type": "module"`, and that cannot import this package.
 */
const asModules = `data:text/javascript,${encodeURIComponent(`
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  const isTypeScript = resolved.format === 'commonjs' && /[.]tsx?$/.test(new URL(resolved.url).pathname);
  return isTypeScript ? { ...resolved, format: 'module' } : resolved;
}`)}`;
