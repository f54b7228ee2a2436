// `npm run docs`: builds the documentation site from the pages of docs/ and the docstrings of src/ into site/, or into the
// folder given by `--out`. The site opens from the disk, without a server.
import { parseArgs } from 'node:util';
import { installPackages, root } from './toolchain.js';

installPackages();
const { buildSite } = await import('./docs/site.js');
const { values } = parseArgs({ options: { out: { type: 'string', default: `${root}site` } } });
const problems = await buildSite(values.out);
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`The site is ${values.out}/index.html`);
