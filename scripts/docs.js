// Builds the documentation site into docs-site/: the pages of docs/, troubleshooting with what the source says of each error, and the
// API reference from the docstrings. `npm run docs`.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePages } from './docs/pages.js';
import { root } from './toolchain.js';

const out = join(root, 'docs-site');
const { pages, broken } = writePages(root, out);
if (broken.length > 0) fail(`These links lead nowhere:\n${broken.join('\n')}`);

// The entry points of the package are those of the reference.
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.values(exports)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'));
const options = [
  '--out',
  join(out, 'api'),
  '--name',
  'Millrace',
  '--readme',
  'none',
  '--skipErrorChecking',
  '--logLevel',
  'Error',
];
const typedoc = join(root, 'node_modules', 'typedoc', 'bin', 'typedoc');
const { status } = spawnSync(process.execPath, [typedoc, ...options, ...entries], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) fail('The API reference could not be built.');
console.log(`Wrote ${pages} pages and the reference of ${entries.length} entry points: docs-site/index.html`);

function fail(message) {
  console.error(message);
  process.exit(1);
}
