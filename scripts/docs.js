// `npm run docs`: builds the documentation of this version, from the pages of docs/ and the docstrings of src/, into a folder of its own
// in site/, or in the folder given by `--out`. Other versions that are there stay. The site opens from the disk, without a server.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installPackages, root } from './toolchain.js';

installPackages();
const { buildSite } = await import('./docs/site.js');
const { listVersions } = await import('./docs/versions.js');
const { values } = parseArgs({ options: { out: { type: 'string', default: `${root}site` } } });
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const problems = await buildSite(`${values.out}/${version}`);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
listVersions(values.out);
console.log(`The site is ${values.out}/index.html`);
