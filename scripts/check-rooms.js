// Holds the order of the rooms in src/: each imports only rooms before it, nothing imports in circles, and node: modules
// stay out of what runs in browsers.

import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import { root } from './toolchain.js';

/** The rooms in the order in which data flows; see docs/architecture.md. */
const rooms = [
  'core',
  'browser',
  'kernels',
  'random',
  'storage',
  'images',
  'datasets',
  'formats',
  'samplers',
  'curriculum',
  'tokens',
  'recipes',
  'parts',
  'convert',
  'analysis',
  'distributed',
  'accelerator',
  'monitor',
  'loader',
  'deepspeed',
  'config',
  'serve',
  'adapters',
  'web',
  'cli',
];

const browserRooms = [
  'core',
  'kernels',
  'random',
  'datasets',
  'tokens',
  'recipes',
  'samplers',
  'curriculum',
  'accelerator',
];

const forbidden = [
  ...rooms.map((room, place) => ({
    name: `${room}-imports-only-what-is-before-it`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: `^src/(${['[^/]+$', ...rooms.slice(place + 1).map((later) => `${later}/`)].join('|')})` },
  })),
  {
    name: 'no-circles',
    severity: 'error',
    comment: 'an import on first use may point back: the registry of datasets names those that need it',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import'] } },
  },
  {
    name: 'runs-in-browsers',
    severity: 'error',
    comment: 'only loader/engine/workers uses Node, and the loader imports it on first use of a worker',
    from: { path: `^src/(${browserRooms.join('|')})/|^src/loader/(?!engine/workers/)` },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'no-static-import-of-workers',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/loader/engine/workers/' },
    to: { path: '^src/loader/engine/workers/', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
];

const unknownRooms = readdirSync(`${root}/src`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !rooms.includes(entry.name))
  .map((entry) => entry.name);
if (unknownRooms.length > 0) fail(`src/ has rooms that this list does not know: ${unknownRooms.join(', ')}`);

const { output } = await cruise(
  ['src'],
  {
    baseDir: root,
    ruleSet: { forbidden },
    validate: true,
    tsPreCompilationDeps: true,
    outputType: 'err',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensionAlias: { '.js': ['.ts', '.js'] } },
  },
  {},
);
const { output: counted } = await cruise(['src'], {
  baseDir: root,
  tsPreCompilationDeps: true,
  outputType: 'json',
  doNotFollow: { path: 'node_modules' },
});
const modules = JSON.parse(counted).modules.filter(({ source }) => source.startsWith('src/')).length;
// Without a compiler it understands, the cruise finds nothing and calls that clean.
if (modules < 50) fail(`only ${modules} modules were looked at: is the typescript package installed?`);
if (!/no dependency violations found/.test(output)) fail(output);
console.log(`Rooms in order: ${modules} modules, no violations.`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
