// The programs that tests talk to, besides npm packages: found, installed where that is allowed, or named with the
// command that installs them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const chromiumPlaces = [
  process.env.MILLRACE_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const pythonPlaces = [
  process.env.MILLRACE_PYTHON,
  '/usr/bin/python3',
  '/usr/local/bin/python3',
  '/opt/homebrew/bin/python3',
];

const redisPlaces = [
  process.env.MILLRACE_REDIS_SERVER,
  '/usr/bin/redis-server',
  '/usr/local/bin/redis-server',
  '/opt/homebrew/bin/redis-server',
];

/** Path of a Chromium. With CI=true a missing one ends the run; otherwise its tests are left out, loudly. */
export function requireBrowser() {
  const found = findChromium() ?? (installWithApt('chromium') ? findChromium() : undefined);
  if (found) return found;
  const command = 'sudo apt-get install chromium   (or set MILLRACE_CHROMIUM to the path of one)';
  console.error(
    `The browser tests need Chromium, which is not here and could not be installed. Run: ${command}`,
  );
  if (process.env.CI === 'true') process.exit(1);
  return '';
}

/** Path of a Python with numpy. With CI=true a missing one ends the run; otherwise its tests are left out, loudly. */
export function requirePython() {
  const found = findPython() ?? (installWithApt('python3-numpy') ? findPython() : undefined);
  if (found) return found;
  const command = 'sudo apt-get install python3-numpy   (or set MILLRACE_PYTHON to a Python with numpy)';
  console.error(
    `The tests of millrace serve need Python with numpy, which is not here and could not be installed. Run: ${command}`,
  );
  if (process.env.CI === 'true') process.exit(1);
  return '';
}

/** Path of a Redis server. With CI=true a missing one ends the run; otherwise its tests are left out, loudly. */
export function requireRedis() {
  const found = findRedis() ?? (installWithApt('redis-server') ? findRedis() : undefined);
  if (found) return found;
  const command = 'sudo apt-get install redis-server   (or set MILLRACE_REDIS_SERVER to the path of one)';
  console.error(
    `The cluster tests need redis-server, which is not here and could not be installed. Run: ${command}`,
  );
  if (process.env.CI === 'true') process.exit(1);
  return '';
}

function findPython() {
  return pythonPlaces.find(
    (path) => path && existsSync(path) && spawnSync(path, ['-c', 'import numpy']).status === 0,
  );
}

/** Path of a Redis server, or undefined. */
export function findRedis() {
  return redisPlaces.find((path) => path && existsSync(path));
}

/** Path of a Chromium, or undefined. */
export function findChromium() {
  return chromiumPlaces.find((path) => path && existsSync(path));
}

function installWithApt(name) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return false;
  console.log(`Installing ${name} for the tests …`);
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  return spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], quiet).status === 0;
}
