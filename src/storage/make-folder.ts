import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../core/thrown.js';

/**
 * Creates a folder and its parents. Like `mkdirSync` with `recursive`, which in Node.js 20 never returns if the system reports
 * an existing parent as missing, as in `/proc`.
 *
 * @throws system errors
 */
export function makeFolder(path: string): void {
  if (made(path)) return;
  makeFolder(dirname(path));
  // Another process may have created it.
  if (!made(path)) mkdirSync(path);
}

/** @returns whether the folder exists now: `false` if its parent is missing */
function made(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' && statSync(path).isDirectory()) return true;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
}
