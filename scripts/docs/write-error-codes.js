// `node scripts/docs/write-error-codes.js`: writes the entries of docs/troubleshooting.md from the docstrings of the error
// classes. With `--check`, fails if the committed page differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { root } from '../toolchain.js';
import { entriesMark, errorEntries } from './error-codes.js';

const page = `${root}docs/troubleshooting.md`;
const committed = readFileSync(page, 'utf8');
const [introduction] = committed.split(entriesMark);
const current = `${introduction}${entriesMark}\n\n${errorEntries()}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(page, current);
} else if (committed !== current) {
  console.error(
    'docs/troubleshooting.md differs from the docstrings: run `node scripts/docs/write-error-codes.js`.',
  );
  process.exit(1);
}
