import { homedir } from 'node:os';
import { join } from 'node:path';

/** The default cache folder: `MILLRACE_CACHE`, or `millrace` in the user's cache folder. */
export function defaultCacheFolder(): string {
  const { MILLRACE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (MILLRACE_CACHE) return MILLRACE_CACHE;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'millrace');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'millrace');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'millrace', 'cache');
  return join(homedir(), '.cache', 'millrace');
}
