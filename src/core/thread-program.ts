import { WorkerTransferError } from './errors.js';

/**
 * The URL of a thread's program, next to the module that starts it.
 *
 * Bundlers do not see it: copying the file would leave behind what it imports.
 *
 * @param path - Path of the program, relative to the module: `./entry.js`.
 * @param module - `import.meta.url` of the module; `undefined` in a CommonJS bundle.
 * @throws {@link WorkerTransferError} if a bundler moved the module without the program.
 */
export function threadProgram(path: string, module: string | undefined): URL {
  const { existsSync } = process.getBuiltinModule('node:fs');
  const program = module === undefined ? undefined : new URL(path, module);
  if (program && existsSync(program)) return program;
  throw new WorkerTransferError('The program of a Millrace thread is missing: this application was bundled', {
    where: program ? { program: program.href } : {},
    next:
      "Mark millrace as external and install it where the application runs: --packages=external or external: ['millrace'] for " +
      "esbuild, ssr.external: ['millrace'] for Vite, externals for webpack, serverExternalPackages for Next.js. " +
      'Or use no threads: numWorkers: 0.',
  });
}
