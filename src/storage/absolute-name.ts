import { localPath } from './local-path.js';
import { isRemote } from './url-scheme.js';

/** Makes a path independent of the working directory; URLs are unchanged. */
export function absoluteName(name: string): string {
  return isRemote(name) ? name : localPath(name);
}
