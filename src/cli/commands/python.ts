import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { builtFile } from '../../core/built-file.js';

/** Folder of the Python package, in this package. */
const folder = fileURLToPath(builtFile('../python')!);

/** `millrace python`: says where the Python package is. */
export function pythonCommand(): Command {
  return new Command('python')
    .summary('find the Python package, the client of millrace serve')
    .description(
      'Prints how to install the Python package that comes with Millrace; with --path only its folder.',
    )
    .option('--path', 'print the folder, for pip install "$(millrace python --path)"')
    .action(({ path = false }: { readonly path?: boolean }) => {
      process.stdout.write(path ? `${folder}\n` : `pip install ${JSON.stringify(folder)}\n`);
    });
}
