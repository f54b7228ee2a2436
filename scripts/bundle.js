// Bundles dist/ for the package. Entry points, programs and what bundlers for browsers replace keep their paths; what they share lies in
// chunks/, and in types/ for declarations.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, posix, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { neededAtOnce, root } from './toolchain.js';

const dist = `${root}dist/`;
const { exports, bin, browser } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const moduleOf = (path) => path.replace(/^(?:\.\/)?dist\/|\.js$/g, '');
const entryPoints = Object.values(exports)
  .filter((path) => path.endsWith('.js'))
  .map(moduleOf);
/** Modules that bundlers for browsers replace by others. They stay files of their own. */
const replaced = Object.keys(browser)
  .filter((name) => name.startsWith('./'))
  .map(moduleOf);
/** Files that the code finds by their path: programs of threads, and data. */
const foundByPath = readdirSync(dist, { recursive: true })
  .filter((file) => /(?<!bundle.*)\.js$/.test(file))
  .flatMap((file) => [
    ...readFileSync(dist + file, 'utf8').matchAll(/\b(?:threadProgram|builtFile)\('(\w[\w/-]*\.\w+)'\)/g),
  ])
  .map(([, path]) => path);

/** Data that the code reads. */
export const dataFiles = foundByPath.filter((path) => !path.endsWith('.js'));

const entries = new Set([
  ...entryPoints,
  ...Object.values(browser).map(moduleOf),
  ...replaced,
  moduleOf(bin.millrace),
  ...foundByPath.filter((path) => path.endsWith('.js')).map(moduleOf),
]);
/** The module of an entry. In dist/ the program of workers is bundled already, without what other entries share with it. */
const inputs = new Map([...entries].map((name) => [name, `${dist}${name.replace('/bundle/', '/')}.js`]));
/** What the smallest page imports: batches of numbers. Its chunks are apart, because bundlers take a chunk into a page as a whole. */
const page = 'page';
const pageCode = ['loader/data-loader', 'datasets/tensor-dataset']
  .map((name) => `export * from '${dist}${name}.js';`)
  .join('\n');

/** What starts most often, and the name for chunks of each. Their modules are in few files; others load files of their own when used. */
const startedOften = [
  ['page', page],
  ['index', inputs.get('index')],
  ['worker', inputs.get('loader/engine/workers/bundle/entry')],
  ['command', inputs.get(moduleOf(bin.millrace))],
];

/** Writes the code. @throws if chunks import each other in circles, or a class has another name */
export async function bundleCode(dir) {
  const bundle = await rolldown({
    input: { ...Object.fromEntries(inputs), [page]: page },
    cwd: root,
    platform: 'neutral',
    external: (id) =>
      !/^[./]/.test(id) && id !== page && !isAbsolute(id) && !neededAtOnce.includes(packageOf(id)),
    // A chunk may export more than an entry point does, but an entry point exports what its module does.
    preserveEntrySignatures: 'allow-extension',
    checks: { ineffectiveDynamicImport: false, pluginTimings: false },
    plugins: [modulesOfDist],
  });
  const { output } = await bundle.write({
    dir,
    format: 'esm',
    sourcemap: true,
    // The folders of the package are one level deeper in the repository than src/.
    sourcemapPathTransform: (path) => path.replace('../', ''),
    comments: { jsdoc: false },
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    minifyInternalExports: false,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'started often', name: chunkOf }],
    },
  });
  await bundle.close();
  check(output.filter(({ type }) => type === 'chunk'));
}

/** Writes the types of the entry points, from the declarations in dist/. */
export async function bundleTypes(dir) {
  const bundle = await rolldown({
    input: Object.fromEntries(entryPoints.map((name) => [name, `${dist}${name}.d.ts`])),
    cwd: root,
    tsconfig: false,
    external: (id) => !/^[./]/.test(id) && !isAbsolute(id),
    plugins: [dts({ dtsInput: true, tsconfig: false, sourcemap: false }), keepReferences],
    checks: { pluginTimings: false },
  });
  await bundle.write({
    dir,
    format: 'esm',
    entryFileNames: '[name].ts',
    chunkFileNames: 'types/[name].d.ts',
    minifyInternalExports: false,
  });
  await bundle.close();
}

const modulesOfDist = {
  name: 'modules of dist/',
  resolveId(id, importer) {
    if (id === page) return id;
    if (!importer || !id.startsWith('.')) return;
    const module = moduleOf(resolve(dirname(importer), id).slice(dist.length));
    if (replaced.includes(module)) return { id: `replaced:${module}`, external: true };
  },
  load(id) {
    if (id === page) return pageCode;
    if (!existsSync(`${id}.map`)) return { code: readFileSync(id, 'utf8'), map: { mappings: '' } };
    const map = JSON.parse(readFileSync(`${id}.map`, 'utf8'));
    const sourcesContent = map.sources.map((source) => readFileSync(resolve(dirname(id), source), 'utf8'));
    return { code: readFileSync(id, 'utf8'), map: { ...map, sourcesContent } };
  },
  generateBundle(_, files) {
    delete files[`${page}.js`];
    delete files[`${page}.js.map`];
    for (const file of Object.values(files))
      if (file.type === 'chunk')
        file.code = file.code.replaceAll(/"replaced:([^"]+)"/g, (_, module) => {
          const path = posix.relative(posix.dirname(file.fileName), `${module}.js`);
          return `"${path.startsWith('.') ? path : `./${path}`}"`;
        });
    splitExports(this, files['index.js']);
  },
};

/**
 * Divides what the main entry point exports into two files. esbuild takes every chunk from which a file exports into a page that uses one of
 * its exports.
 */
function splitExports(plugin, index) {
  const lines = { 'index-page.js': '', 'index-rest.js': '' };
  for (const [, names, from] of index.code.matchAll(/^import \{ (.*) \} from "(.*)";$/gm)) {
    const file = from.includes(page) ? 'index-page.js' : 'index-rest.js';
    lines[file] += `export { ${names} } from "${from}";\n`;
  }
  for (const [fileName, source] of Object.entries(lines))
    plugin.emitFile({ type: 'asset', fileName, source });
  index.code = Object.keys(lines)
    .map((name) => `export * from "./${name}";\n`)
    .join('');
  index.map = null;
}

/**
 * The chunk of a module that the main entry point loads at once: one for each combination of what starts often, without what workers never
 * load. All others are left to rolldown, which has one for each combination of entries and imports on first use. What a module imports is
 * reached by all that reach it, so chunks do not import in circles.
 */
function chunkOf(id, context) {
  const { isEntry, importers } = context.getModuleInfo(id);
  if (isEntry && importers.length === 0) return null;
  const reaching = startsReaching(id, context);
  if (!reaching.has('index')) return null;
  const chunk = [...reaching].join('-');
  return reaching.has('worker') || !modulesOfWorkers(context).has(id) ? chunk : `${chunk}-later-worker`;
}

/**
 * All that a worker of a page loads, at once or later. A chunk of it must not have the code that starts workers: bundlers would look for the
 * program of a worker within the program of a worker, and Next.js does so forever.
 */
function modulesOfWorkers(context) {
  if (ofWorkers.size === 0) ofWorkers.add(inputs.get('loader/engine/workers/millrace-worker'));
  // A set that grows while it is walked.
  for (const id of ofWorkers) {
    const { importedIds, dynamicallyImportedIds } = context.getModuleInfo(id) ?? {};
    for (const next of [...(importedIds ?? []), ...(dynamicallyImportedIds ?? [])]) ofWorkers.add(next);
  }
  return ofWorkers;
}

const ofWorkers = new Set();
const known = new Map();
function startsReaching(id, context) {
  if (!known.has(id)) {
    known.set(id, new Set());
    const { importers } = context.getModuleInfo(id);
    const above = importers.map((importer) => startsReaching(importer, context));
    const names = startedOften
      .filter(([name, start]) => id === start || above.some((found) => found.has(name)))
      .map(([name]) => name);
    known.set(id, new Set(names));
  }
  return known.get(id);
}

function check(chunks) {
  const imports = new Map(chunks.map(({ fileName, imports }) => [fileName, imports]));
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file)) throw new Error(`Chunks import in a circle: ${[...path, file].join(' → ')}`);
    if (done.has(file)) return;
    done.add(file);
    for (const next of imports.get(file) ?? [])
      visit(next.replace(/^replaced:(.*)$/, '$1.js'), [...path, file]);
  };
  for (const { fileName, code, moduleIds } of chunks) {
    visit(fileName, []);
    const [renamed] = code.match(/\bclass \w+\$\d+|\w+\$\d+ = class\b/) ?? [];
    if (renamed) throw new Error(`The bundle gives a class another name, which messages show: ${renamed}`);
    if (moduleIds.includes(`${dist}core/built-file.js`) && !fileName.startsWith('chunks/'))
      throw new Error(`core/built-file.js finds files from chunks/, but the bundle has it in ${fileName}`);
  }
}

function packageOf(id) {
  return /^(?:@[^/]+\/)?[^/]+/.exec(id)[0];
}

/** Names what a file of types needs besides the types of ES2022: the plugin that bundles types drops these lines. */
const keepReferences = {
  name: 'keep references',
  generateBundle(_, files) {
    for (const file of Object.values(files))
      if (/\b(?:Async)?Disposable\b|Symbol\.(?:asyncDispose|dispose)\b/.test(file.code))
        file.code = `/// <reference lib="esnext.disposable" preserve="true" />\n${file.code}`;
  },
};
