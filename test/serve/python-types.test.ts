// The types of the Python package, by mypy where Python has it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { hasPackage, python } from './python.js';

const hasMypy = hasPackage('mypy');
if (!hasMypy) console.log('Types of the Python package not tested, because Python does not have mypy.');

it.skipIf(!hasMypy)('mypy finds no error in the Python package, at its strictest', () => {
  const cwd = fileURLToPath(new URL('../../python', import.meta.url));
  const args = ['-m', 'mypy', '--strict', '--cache-dir', '/dev/null', 'millrace'];
  const { status, stdout } = spawnSync(python, args, { cwd, encoding: 'utf8' });
  expect(status, stdout).toBe(0);
});
