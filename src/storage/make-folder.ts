import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it. As `mkdirSync` with `recursive`, which in Node.js 20 never comes back where the system says that the
 * folder above is missing although it is there, as it does in `/proc`.
 *
 * @throws the system's errors
 */
export function makeFolder(path: string): void {
  if (made(path)) return;
  makeFolder(dirname(path));
  // Another process may have been faster.
  if (!made(path)) mkdirSync(path);
}

/** @returns whether the folder is there now; not where the one above is missing */
function made(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EEXIST' && statSync(path).isDirectory()) return true;
    if (code === 'ENOENT' && dirname(path) !== path) return false;
    throw error;
  }
}
