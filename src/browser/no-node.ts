// What bundlers for browsers put in the place of Node.js modules and of packages built on them (`browser` in package.json). Everything
// that is imported by name anywhere in src/ has a name here, so that a bundle builds without a plugin; what is called says what to do
// instead. The build adds the names; those that a function does not do for are written out.
import { absent } from './absent.js';

export * from './absent-names.js';

/** `node:util`. Wraps functions as their module is loaded, so only what it gives refuses. */
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

/** `braces` as a function, and the class of `yauzl` that is extended. */
export default Object.assign(absent('braces'), {
  RandomAccessReader: class {},
  fromRandomAccessReader: absent('fromRandomAccessReader'),
});
