// `npm test`: sets itself up in a fresh clone and runs every test with coverage. Arguments go to vitest:
// `npm test -- test/loader` runs one room.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { requireBrowser, requireRedis } from './test-servers.js';
import { build, installPackages, root, run } from './toolchain.js';

installPackages();
build();
const environment = {
  ...process.env,
  MILLRACE_CHROMIUM: requireBrowser(),
  MILLRACE_REDIS_SERVER: requireRedis(),
};
const folder = `${root}coverage/tmp`;
rmSync(folder, { recursive: true, force: true });
const selection = process.argv.slice(2);
const { status, error } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...selection],
  {
    cwd: root,
    stdio: 'inherit',
    // Every process and worker thread writes what it ran.
    env: { ...environment, NODE_V8_COVERAGE: folder },
  },
);
if (error) throw error;
// What failed is the last thing said.
if (status !== 0) process.exit(status ?? 1);
forgetModulesWithoutFile();
// c8 maps it from dist/ back to src/.
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

/** tsx makes modules of `data:` URLs, on which c8 stops. */
function forgetModulesWithoutFile() {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = `${folder}/${name}`;
    const text = readFileSync(path);
    if (!text.includes('"data:')) continue;
    const coverage = JSON.parse(text.toString());
    const maps = Object.entries(coverage['source-map-cache'] ?? {});
    coverage['source-map-cache'] = Object.fromEntries(maps.filter(([url]) => url.startsWith('file:')));
    writeFileSync(path, JSON.stringify(coverage));
  }
}
