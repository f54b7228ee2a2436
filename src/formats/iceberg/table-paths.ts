import { localPath } from '../../storage/local-path.js';
import { withPath } from '../../storage/location-path.js';
import { isRemote, schemeOf } from '../../storage/url-scheme.js';

/** Where the files of a table are. Its metadata has absolute paths, as they were when it was written. */
export class TablePaths {
  readonly #root: string;
  readonly #location: string;

  /**
   * @param root - The folder of the table, as it is opened.
   * @param location - The same folder, as its metadata names it.
   */
  constructor(root: string, location: string) {
    this.#root = root;
    this.#location = withOneScheme(location).replace(/\/+$/, '');
  }

  /** The path of a file relative to the table; `undefined` if it is elsewhere. */
  relative(path: string): string | undefined {
    const found = withOneScheme(path);
    if (found.startsWith(`${this.#location}/`)) return found.slice(this.#location.length + 1);
    return schemeOf(found) === undefined && !found.startsWith('/') ? found : undefined;
  }

  /** Where a file is now: a table may have been moved. */
  resolve(path: string): string {
    const inner = this.relative(path);
    return inner === undefined ? withOneScheme(path) : within(this.#root, inner);
  }
}

/** The location of a file in a folder, by a relative path without percent codes. */
export function within(folder: string, path: string): string {
  if (!isRemote(folder)) return `${localPath(folder)}/${path}`;
  const isHttp = /^https?:/i.test(folder);
  const inUrl = isHttp ? path.split('/').map(encodeURIComponent).join('/') : path;
  return withPath(folder, (start) => `${start.replace(/\/+$/, '')}/${inUrl}`);
}

/** Hadoop names S3 in three ways, and local files in two. */
function withOneScheme(path: string): string {
  return path.replace(/^s3[an]:\/\//, 's3://').replace(/^file:(?:\/\/)?(?=\/)/, '');
}
