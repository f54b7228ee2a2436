// Checks the language of code, comments, messages and documents: spelling by cspell, and phrases that the project has
// outgrown by scripts/outgrown-phrases.js.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outgrownPhrases } from './outgrown-phrases.js';
import { root } from './toolchain.js';

const checked = /\.(?:ts|js|md|html|css|yml)$/;
const leftOut = /^(?:test\/golden\/|test\/fixtures\/|api\/|CHANGELOG\.md$|scripts\/outgrown-phrases\.js$)/;
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => checked.test(file) && !leftOut.test(file));

let found = 0;
for (const file of files) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  for (const [number, line] of lines.entries()) {
    for (const [phrase, instead] of outgrownPhrases) {
      const [match] = phrase.exec(line) ?? [];
      if (match === undefined) continue;
      found += 1;
      console.error(`${file}:${number + 1}: "${match}" (write: ${instead})`);
    }
  }
}
if (found > 0) console.error(`${found} outgrown phrases in ${files.length} files.`);

const { status } = spawnSync(
  process.execPath,
  ['node_modules/cspell/bin.mjs', '--no-progress', '--no-summary', '--unique', '--file-list', 'stdin'],
  { cwd: root, input: files.join('\n'), stdio: ['pipe', 'inherit', 'inherit'] },
);
if (found > 0 || status !== 0) process.exit(1);
console.log(`Prose: ${files.length} files, no outgrown phrases, no unknown words.`);
