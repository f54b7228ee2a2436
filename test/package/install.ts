import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Puts the package where npm would, with what it depends on. */
export function install(root: string): void {
  const modules = join(root, 'node_modules');
  cpSync(join(repository, 'package'), join(modules, 'millrace'), { recursive: true });
  linkDependencies(root);
}

/** Puts what the package depends on beside it, without its optional peers. */
export function linkDependencies(root: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) link(root, name);
}

/** Installs a package of this repository in an application. */
export function link(root: string, name: string): void {
  const at = join(root, 'node_modules', name);
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(realpathSync(join(repository, 'node_modules', name)), at, 'junction');
}
