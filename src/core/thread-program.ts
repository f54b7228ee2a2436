import { WorkerTransferError } from './errors.js';

/**
 * The file of a thread's program, which lies beside the module that starts it.
 *
 * Bundlers do not see it: one that copied the file would leave behind what it imports.
 *
 * @param path - Of the program, relative to the module: `./entry.js`.
 * @param module - `import.meta.url` of the module; nothing in a bundle of CommonJS.
 * @throws {@link WorkerTransferError} where a bundler has put the module elsewhere, without the program.
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
      'Or leave out the threads: numWorkers: 0.',
  });
}
