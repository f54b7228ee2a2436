// A project with the packed package and others from the registry, which no test of `npm test` needs.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './toolchain.js';

/**
 * Copies `source` to a new folder, installs the package there with the given versions of others, and removes the folder after `use`.
 *
 * @param dependencies - Exact versions by name.
 */
export async function withPackedProject(source, dependencies, use) {
  // It imports packages, and reads the build.
  const { makePackage, packageFolder } = await import('./make-package.js');
  await makePackage();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-project-'));
  try {
    cpSync(source, folder, { recursive: true });
    const pack = ['pack', packageFolder, '--json', '--pack-destination', folder];
    const [{ filename }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' }));
    const manifest = {
      private: true,
      type: 'module',
      dependencies: { ...dependencies, millrace: `file:${filename}` },
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    console.log(`Installing ${Object.keys(dependencies).join(', ')} …`);
    run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
      cwd: folder,
    });
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
