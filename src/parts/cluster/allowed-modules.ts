import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import picomatch from 'picomatch';
import { ConfigError } from '../../core/errors.js';
import { schemeOf } from '../../storage/url-scheme.js';

/**
 * The modules that a worker may import. A job names modules by URL, and anyone who can write to the queue or to
 * the shared store can name any module. Therefore the operator of the worker lists the allowed ones.
 */
export class AllowedModules {
  readonly #patterns: readonly string[];
  readonly #isAllowed: (path: string) => boolean;

  /** @param patterns - Paths of files or folders (with everything in them), or patterns of paths. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
    const paths = patterns.map((pattern) => withSlashes(resolve(pattern)));
    const isMatch = paths.length > 0 ? picomatch(paths) : () => false;
    this.#isAllowed = (path) =>
      isMatch(path) || paths.some((each) => path === each || path.startsWith(`${each}/`));
  }

  /** @throws {@link ConfigError} for a module that is not allowed. Only files can be allowed, by path. */
  check(module: string): void {
    if (schemeOf(module) === 'file' && this.#isAllowed(withSlashes(fileURLToPath(module)))) return;
    const allowed = this.#patterns.join(', ') || 'none';
    const shown = module.length > 200 ? `${module.slice(0, 200)}…` : module;
    throw new ConfigError(
      'ClusterWorker options',
      [
        {
          field: 'allow',
          message: `does not list the module ${shown}, which a job names; it lists ${allowed}`,
        },
      ],
      {
        next: 'If you trust this module, start the worker with --allow and its path. Only files can be allowed.',
      },
    );
  }
}

function withSlashes(path: string): string {
  return sep === '\\' ? path.replaceAll('\\', '/') : path;
}
