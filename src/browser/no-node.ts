// What bundlers for browsers put in the place of Node.js modules and of packages built on them (`browser` in package.json). Everything
// that is imported by name anywhere in src/ has a name here, so that a bundle builds without a plugin; what is called says what to do
// instead.
import { CapabilityError } from '../core/errors.js';

/** A function that only Node.js has. */
function absent(name: string): (...args: readonly unknown[]) => never {
  return () => {
    throw new CapabilityError(`${name} is not there in a browser: this needs Node.js`, {
      where: { function: name },
      next:
        'In a browser open data by URL, or from a File or a handle with BlobSource; formats that are folders of files, ' +
        'archives (zip, tar) and disk caches need Node.js.',
    });
  };
}

export const close = absent('close');
export const closeSync = absent('closeSync');
export const copyFile = absent('copyFile');
export const crc32 = absent('crc32');
export const createGunzip = absent('createGunzip');
export const createHash = absent('createHash');
export const createRequire = absent('createRequire');
export const dirname = absent('dirname');
export const existsSync = absent('existsSync');
export const fileURLToPath = absent('fileURLToPath');
export const fstatSync = absent('fstatSync');
export const fsyncSync = absent('fsyncSync');
export const homedir = absent('homedir');
export const hostname = absent('hostname');
export const join = absent('join');
export const mkdir = absent('mkdir');
export const mkdirSync = absent('mkdirSync');
export const open = absent('open');
export const openSync = absent('openSync');
export const randomBytes = absent('randomBytes');
export const read = absent('read');
export const readFileSync = absent('readFileSync');
export const readSync = absent('readSync');
export const readdir = absent('readdir');
export const readdirSync = absent('readdirSync');
export const rename = absent('rename');
export const renameSync = absent('renameSync');
export const resolve = absent('resolve');
export const rm = absent('rm');
export const rmdir = absent('rmdir');
export const rmSync = absent('rmSync');
export const statSync = absent('statSync');
export const utimesSync = absent('utimesSync');
export const writeFile = absent('writeFile');
export const writeSync = absent('writeSync');
/** `stream/consumers`. */
export const buffer = absent('buffer');
/** Wraps functions as their module is loaded, so only what it gives refuses. */
export const promisify = () => absent('promisify');

/** `stream`. */
export const Readable = { from: absent('Readable.from') };

/** `monitor/dashboard/dashboard`: it serves a page. */
export const openDashboard = absent('openDashboard');

/** `datasets/register-typescript`: what a page imports is compiled. */
export const registerTypeScript = async () => {};
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
