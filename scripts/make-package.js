// Makes package/, the folder that is published: dist/ bundled, and the files beside it.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleCode, bundleTypes, dataFiles } from './bundle.js';
import { neededAtOnce, root } from './toolchain.js';

const { scripts, devDependencies, ...published } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const besides = ['README.md', 'LICENSE', ...published.files.filter((path) => path !== 'dist')];

/** The folder that is published. */
export const packageFolder = join(root, 'package');
const stampFile = join(root, 'dist/.package-stamp');

/** Makes the package. Bundles only if dist/ has changed. Vitest calls it by its other name, `setup`. */
export async function makePackage() {
  const stamp = stampOfBuild();
  const dist = join(packageFolder, 'dist');
  if (!existsSync(dist) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
    for (const path of [stampFile, packageFolder]) rmSync(path, { recursive: true, force: true });
    await Promise.all([bundleCode(dist), bundleTypes(dist)]);
    for (const path of dataFiles) copy(`dist/${path}`);
    writeFileSync(join(dist, 'licenses.txt'), licenses());
    writeFileSync(join(packageFolder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
    writeFileSync(stampFile, stamp);
  }
  for (const path of besides) copy(path);
}

export { makePackage as setup };

function copy(path) {
  const target = join(packageFolder, path);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true });
  const filter = (source) => !/[\\/](?:build|[^\\/]*\.egg-info|__pycache__)$/.test(source);
  cpSync(join(root, path), target, { recursive: true, filter });
}

/** The licenses of the packages in the bundle. */
function licenses() {
  const texts = neededAtOnce.map((name) => {
    const folder = join(root, 'node_modules', name);
    const file = readdirSync(folder).find((one) => /^license/i.test(one));
    return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join('\n\n');
}

/** Changes with everything that the bundle is made of. */
function stampOfBuild() {
  const built = readdirSync(join(root, 'dist'), { recursive: true })
    .filter((file) => /\.(?:js|ts|map|json|html)$/.test(file) && !/workers.bundle/.test(file))
    .map((file) => join('dist', file));
  const hash = createHash('sha256');
  for (const file of [...built.sort(), 'package.json', 'package-lock.json', 'scripts/bundle.js'])
    hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}
