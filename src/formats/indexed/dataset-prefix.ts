import { localPath } from '../../storage/local-path.js';

/** The absolute path of a `.bin`/`.idx` pair without those endings, named with or without one of them. */
export function datasetPrefix(pathOrUrl: string | URL): string {
  return localPath(pathOrUrl).replace(/\.(bin|idx)$/, '');
}
