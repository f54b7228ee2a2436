// What the setup scripts share: running a command with its output shown, and the packages of the lock file.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const tsc = 'node_modules/typescript-7/bin/tsc';
const asc = 'node_modules/assemblyscript/bin/asc.js';
const esbuild = 'node_modules/esbuild/bin/esbuild';
const installMark = 'node_modules/.millrace-lock-hash';

/** Packages that every worker loads as it starts, which the build bundles; the others are imported where they are first used. */
export const neededAtOnce = ['valibot', '@noble/hashes'];

/** Runs a command and ends this process with its status when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs a command beside others; see {@link run}. */
function start(command, args) {
  return new Promise((resolve, reject) => {
    spawn(command, args, { cwd: root, stdio: 'inherit' })
      .on('error', reject)
      .on('close', (status) => (status === 0 ? resolve() : process.exit(status ?? 1)));
  });
}

/** Installs the packages of the lock file, unless exactly these are installed already. */
export function installPackages() {
  const hash = createHash('sha256')
    .update(readFileSync(`${root}/package-lock.json`))
    .digest('hex');
  const mark = `${root}/${installMark}`;
  if (existsSync(mark) && readFileSync(mark, 'utf8') === hash) return;
  console.log('Installing packages …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { shell: process.platform === 'win32' });
  writeFileSync(mark, hash);
}

/** Compiles src/ and assembly/ to dist/. Incremental: a second run takes a moment. */
export async function build() {
  takeZstd();
  await Promise.all([compileKernels(), start(process.execPath, [tsc, '-p', 'tsconfig.json'])]);
  await Promise.all([
    start(process.execPath, ['scripts/stand-ins.js']),
    start(process.execPath, ['scripts/command-list.js']),
    bundleWorker(),
    bundleLivePage(),
  ]);
}

/** Puts the live page into one file, which needs nothing from elsewhere. */
async function bundleLivePage() {
  const source = 'src/web/live';
  const folder = 'dist/web/live';
  const options = [
    '--bundle',
    '--minify',
    '--target=es2022',
    '--log-level=warning',
    `--outdir=${folder}/parts`,
  ];
  await start(esbuild, [`${source}/main.ts`, `${source}/live.css`, '--format=esm', ...options]);
  const part = (name) => readFileSync(`${root}/${folder}/parts/${name}`, 'utf8').trim();
  // Functions, because a text in their place would have its dollar signs read.
  const page = readFileSync(`${root}/${source}/page.html`, 'utf8')
    .replace('/* style */', () => part('live.css'))
    .replace('/* script */', () => part('main.js').replaceAll('</script', '<\\/script'));
  rmSync(`${root}/${folder}/parts`, { recursive: true });
  writeFileSync(`${root}/${folder}/page.html`, page);
}

/** Puts the program of a worker thread into one file, and what it imports on first use into a few more. */
async function bundleWorker() {
  const folder = 'dist/loader/engine/workers/bundle';
  rmSync(`${root}/${folder}`, { recursive: true, force: true });
  const bundle = ['--bundle', '--splitting', '--keep-names', '--sourcemap', `--outdir=${folder}`];
  // Names of classes are in messages, so they stay.
  const target = ['--platform=node', '--format=esm', '--target=node20', '--log-level=warning'];
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  const external = Object.keys({ ...dependencies, ...peerDependencies })
    .filter((name) => !neededAtOnce.includes(name))
    .map((name) => `--external:${name}`);
  await start(esbuild, ['dist/loader/engine/workers/entry.js', ...bundle, ...target, ...external]);
}

/** Modules of kernels by the file of assembly/ that they are made of. */
const kernelModules = { index: 'wasm-bytes', images: 'image-wasm-bytes' };

/**
 * Compiles assembly/ to WebAssembly, and puts it into modules as base64, which every bundler understands. Does nothing when
 * the sources are those of the last time.
 */
async function compileKernels() {
  const sources = readdirSync(`${root}/assembly`).sort();
  const hash = createHash('sha256');
  for (const name of [...sources.map((file) => `assembly/${file}`), 'package-lock.json'])
    hash.update(name).update(readFileSync(`${root}/${name}`));
  const stamp = `// ${hash.digest('hex')}`;
  const folder = `${root}/dist/kernels`;
  mkdirSync(folder, { recursive: true });
  const compile = async ([source, name]) => {
    const target = `${folder}/${name}.js`;
    if (existsSync(target) && readFileSync(target, 'utf8').startsWith(stamp)) return;
    const binary = `${folder}/${name}.wasm`;
    await start(process.execPath, [
      asc,
      `assembly/${source}.ts`,
      '--config',
      'assembly/asconfig.json',
      '--outFile',
      binary,
    ]);
    const base64 = readFileSync(binary, 'base64');
    writeFileSync(target, `${stamp}\nexport const wasmBase64 =\n  '${base64}';\n`);
  };
  await Promise.all(Object.entries(kernelModules).map(compile));
}

/**
 * Takes the WebAssembly of libzstd out of the package zstddec, and puts it into a module as base64. The package's own wrapper does not
 * report errors of libzstd, so `storage/zstd.ts` calls libzstd itself.
 */
function takeZstd() {
  const from = `${root}/node_modules/zstddec`;
  const [, base64] = /["'`]([A-Za-z0-9+/=]{10000,})["'`]/.exec(
    readFileSync(`${from}/dist/zstddec-stream.mjs`, 'utf8'),
  );
  const license = readFileSync(`${from}/LICENSE`, 'utf8').replaceAll('*/', '* /');
  const text = `/* @license\n${license}*/\nexport const zstdBase64 =\n  '${base64}';\n`;
  const target = `${root}/dist/storage/zstd-bytes.js`;
  mkdirSync(`${root}/dist/storage`, { recursive: true });
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
}
