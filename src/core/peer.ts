import { MissingPeerError } from './errors.js';
import { importAtRunTime } from './import-at-run-time.js';
import { isNode } from './platform.js';
import { providedModule } from './provided-modules.js';
import { errorCode, messageOf } from './thrown.js';

/**
 * Loads a module of an optional package on first use. Bundlers do not see the import. A page gets the package from
 * `provideModules` or from an import map; Node.js finds it in `node_modules`.
 *
 * @param specifier - The module: `apache-arrow`, `gpt-tokenizer/encoding/cl100k_base`.
 * @param neededBy - What needs it, for the message: `millrace bench`.
 * @throws {@link MissingPeerError} if the package is not installed, with the remedy. A package that is installed but
 *   broken throws its own error.
 */
export async function importPeer<T>(specifier: string, neededBy: string): Promise<T> {
  try {
    return (await (providedModule(specifier) ?? importAtRunTime(specifier))) as T;
  } catch (cause) {
    const name = packageOf(specifier);
    if (!isMissing(cause, name)) throw cause;
    throw new MissingPeerError(
      `${neededBy} needs the package ${name}, which is not ${isNode ? 'installed' : 'on this page'}`,
      {
        where: { package: name },
        next: isNode
          ? `Run: npm install ${name}`
          : `Install it and bundle it: provideModules({ '${specifier}': () => import('${specifier}') }), also in your own worker.`,
        cause,
      },
    );
  }
}

/**
 * `require` for optional packages with native code, which load synchronously. Node.js only; bundlers do not see what
 * it loads.
 */
export function peerRequire(): NodeJS.Require {
  const { createRequire } = process.getBuiltinModule('node:module');
  // A CommonJS bundle has no import.meta.
  return createRequire(import.meta.url ?? `${process.cwd()}/`);
}

/** The package that a specifier names: `@jax-js/jax` of `@jax-js/jax/nn`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Whether an import failed because the package is missing, rather than something that the package imports. */
function isMissing(error: unknown, name: string): boolean {
  // A browser throws a TypeError, and only its text shows that the name is unknown.
  if (!isNode) return error instanceof TypeError && error.message.includes(name);
  return errorCode(error) === 'ERR_MODULE_NOT_FOUND' && messageOf(error).includes(`'${name}'`);
}
