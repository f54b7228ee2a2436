// The browser replacement for Node.js modules and packages built on them (`browser` in package.json). Every name that
// src/ imports from them exists here, so that a bundle builds without a plugin; a call throws an error with
// alternatives. The build generates the plain functions; the other names are written out below.
import { absent } from './absent.js';

export * from './absent-names.js';

/** `node:util`. Modules call promisify while they load, so only the function it returns may throw. */
export const promisify = () => absent('promisify');

/** `node:stream`. */
export const Readable = { from: absent('Readable.from') };

/** `tar`. */
export class Header {
  constructor() {
    absent('Header')();
  }
}
/** `tar`. */
export const Pax = { parse: absent('Pax.parse') };

/** `braces` as a function, and the `yauzl` class that the zip reader extends. */
export default Object.assign(absent('braces'), {
  RandomAccessReader: class {},
  fromRandomAccessReader: absent('fromRandomAccessReader'),
});
