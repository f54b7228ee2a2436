import { CapabilityError } from '../core/errors.js';

/** A function that only Node.js has: says what to do instead when it is called. */
export function absent(name: string): (...args: readonly unknown[]) => never {
  return () => {
    throw new CapabilityError(`${name} is not there in a browser: this needs Node.js`, {
      where: { function: name },
      next:
        'In a browser open data by URL, or from a File or a handle with BlobSource; formats that are folders of files, ' +
        'archives (zip, tar) and disk caches need Node.js.',
    });
  };
}
