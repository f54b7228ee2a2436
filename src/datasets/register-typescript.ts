// Browser bundles replace this module with an empty one: their TypeScript is compiled.
import { MissingPeerError } from '../core/errors.js';
import { importAtRunTime } from '../core/import-at-run-time.js';

/** Node.js loads TypeScript from 22.18 on. */
function loadsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown } | undefined)?.typescript);
}

let registered: Promise<unknown> | undefined;

/**
 * Registers a TypeScript loader if this platform has none built in. Call it before the first import: Node.js 20 caches a
 * module that failed to load.
 *
 * @throws {@link MissingPeerError} if tsx is not installed.
 */
export async function registerTypeScript(url: string): Promise<void> {
  if (loadsTypeScript()) return;
  registered ??= importAtRunTime('tsx/esm/api').then(({ register }) => {
    (register as () => unknown)();
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
 * Hooks that load every `.ts` file as an ES module, as Node.js with built-in TypeScript does. Without `"type": "module"`
 * in package.json, tsx loads it as CommonJS, which cannot import this package.
 */
const asModules = `data:text/javascript,${encodeURIComponent(`
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  const isTypeScript = resolved.format === 'commonjs' && /[.]tsx?$/.test(new URL(resolved.url).pathname);
  return isTypeScript ? { ...resolved, format: 'module' } : resolved;
}`)}`;
