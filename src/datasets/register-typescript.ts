// In bundles for browsers nothing stands in its place: their TypeScript is compiled.
import { MissingPeerError } from '../core/errors.js';
import { importAtRunTime } from '../core/import-at-run-time.js';

/** Node.js from 22.18 does. */
function loadsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown } | undefined)?.typescript);
}

let registered: Promise<unknown> | undefined;

/**
 * Has TypeScript loaded from now on, where this platform does not by itself. Before the first try: Node.js 20 remembers a module that
 * failed to load.
 *
 * @throws {@link MissingPeerError} when nothing here can.
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
 * Hooks that make every `.ts` an ES module, as Node.js does that loads TypeScript by itself. tsx would take it for CommonJS where no
 * package.json says `"type": "module"`, and that cannot import this package.
 */
const asModules = `data:text/javascript,${encodeURIComponent(`
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  const isTypeScript = resolved.format === 'commonjs' && /[.]tsx?$/.test(new URL(resolved.url).pathname);
  return isTypeScript ? { ...resolved, format: 'module' } : resolved;
}`)}`;
