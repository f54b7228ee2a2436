import { builtFile } from './built-file.js';
import { WorkerTransferError } from './errors.js';

/**
 * The URL of a thread's program.
 *
 * @param path - Path of the program from the root of the build: `analysis/workers/entry.js`.
 * @throws {@link WorkerTransferError} if a bundler moved the code without the program.
 */
export function threadProgram(path: string): URL {
  const { existsSync } = process.getBuiltinModule('node:fs');
  const program = builtFile(path);
  if (program && existsSync(program)) return program;
  throw new WorkerTransferError('The program of a Millrace thread is missing: this application was bundled', {
    where: program ? { program: program.href } : {},
    next:
      "Mark millrace as external and install it where the application runs: --packages=external or external: ['millrace'] for " +
      "esbuild, ssr.external: ['millrace'] for Vite, externals for webpack, serverExternalPackages for Next.js. " +
      'Or use no threads: numWorkers: 0.',
  });
}
