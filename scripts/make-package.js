// Makes package/, the folder that is published: dist/ bundled, and the files beside it.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleCode, bundleTypes, dataFiles } from './bundle.js';
import { neededAtOnce, root } from './toolchain.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** What is published besides dist/. */
const copied = ['README.md', 'LICENSE', ...manifest.files.filter((path) => path !== 'dist')];
const isPublished = (path) => !/[\\/](?:build|[^\\/]*\.egg-info|__pycache__)(?:$|[\\/])/.test(path);

/** The folder that is published. */
export const packageFolder = join(root, 'package');
const stampFile = join(root, 'dist/.package-stamp');

/** Makes the package from dist/, unless exactly this is there. Vitest calls it by its other name, `setup`. */
export async function makePackage() {
  const stamp = stampOfSources();
  const isThere =
    existsSync(packageFolder) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (isThere) return;
  rmSync(packageFolder, { recursive: true, force: true });
  const dist = join(packageFolder, 'dist');
  await Promise.all([bundleCode(dist), bundleTypes(dist)]);
  for (const path of dataFiles) copy(`dist/${path}`);
  for (const path of copied) copy(path);
  const { scripts, devDependencies, ...published } = manifest;
  writeFileSync(join(packageFolder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  writeFileSync(join(packageFolder, 'dist/licenses.txt'), licenses());
  writeFileSync(stampFile, stamp);
}

export { makePackage as setup };

function copy(path) {
  mkdirSync(dirname(join(packageFolder, path)), { recursive: true });
  cpSync(join(root, path), join(packageFolder, path), { recursive: true, filter: isPublished });
}

/** The licenses of the packages in the bundle. */
function licenses() {
  return neededAtOnce
    .map((name) => {
      const folder = join(root, 'node_modules', name);
      const file = readdirSync(folder).find((one) => /^license/i.test(one));
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join('\n\n');
}

/** Changes with everything that the package is made of. */
function stampOfSources() {
  const hash = createHash('sha256');
  const within = (path) =>
    existsSync(join(root, path))
      ? readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      : [];
  const files = ['dist', 'scripts', 'python', 'skills']
    .flatMap(within)
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => isPublished(path) && !path.includes('workers/bundle'));
  const others = ['package.json', 'package-lock.json', ...copied].map((path) => join(root, path));
  for (const file of [...files, ...others.filter((path) => /\.\w+$|LICENSE$/.test(path))].sort())
    hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}
