import { localPath } from '../../storage/local-path.js';

/** The absolute path of a `.bin`/`.idx` pair without ending. Accepts the name with or without one. */
export function datasetPrefix(pathOrUrl: string | URL): string {
  return localPath(pathOrUrl).replace(/\.(bin|idx)$/, '');
}
