// What the setup scripts share: running a command with its output shown, and the packages of the lock file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const tsc = 'node_modules/typescript-7/bin/tsc';
const installMark = 'node_modules/.millrace-lock-hash';

/** Runs a command and ends this process with its status when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
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

/** Compiles src/ to dist/. Incremental: a second run takes a moment. */
export function build() {
  run(process.execPath, [tsc, '-p', 'tsconfig.json']);
}
