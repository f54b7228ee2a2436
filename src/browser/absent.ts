import { CapabilityError } from '../core/errors.js';

/** A stand-in for a function that exists only in Node.js. Calling it throws an error with alternatives. */
export function absent(name: string): (...args: readonly unknown[]) => never {
  return () => {
    throw new CapabilityError(`${name} is not available in a browser: it needs Node.js`, {
      where: { function: name },
      next:
        'In a browser, open data by URL, or from a File or a handle with BlobSource. Formats that are folders of files, ' +
        'archives (zip, tar) and disk caches need Node.js.',
    });
  };
}
