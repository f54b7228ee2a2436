// `npm run coverage`: runs `npm test` and reports which lines of src/ ran, in every process and worker thread.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { root, run } from './toolchain.js';

const folder = `${root}coverage/tmp`;
rmSync(folder, { recursive: true, force: true });
const { status, error } = spawnSync(process.execPath, ['scripts/test.js', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_V8_COVERAGE: folder },
});
if (error) throw error;
if (status !== 0) process.exit(status ?? 1);
dropDataUrlModules();
// c8 maps the coverage of dist/ to src/.
run(process.execPath, [
  'node_modules/c8/bin/c8.js',
  'report',
  '--reporter=text',
  '--reporter=html',
  '--include=src/**',
  '--include=dist/**',
  '--exclude-after-remap',
  '--exclude=test/**',
]);

/** tsx creates modules from `data:` URLs. c8 fails on them. */
function dropDataUrlModules() {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`;
    const text = readFileSync(path);
    if (!text.includes('"data:')) continue;
    const coverage = JSON.parse(text.toString());
    const maps = Object.entries(coverage['source-map-cache'] ?? {});
    coverage['source-map-cache'] = Object.fromEntries(maps.filter(([url]) => url.startsWith('file:')));
    writeFileSync(path, JSON.stringify(coverage));
  }
}
