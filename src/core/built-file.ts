/**
 * The URL of a file of the build that is found by its path: the program of a thread, a page, a list.
 *
 * Modules of the build are in `dist/core/` as this one, and those of the package in `dist/chunks/`: one folder below the root of the
 * build. Bundlers do not find the file: copying a program would leave behind what it imports.
 *
 * @param path - Path from the root of the build: `monitor/dashboard/server-thread.js`.
 * @returns `undefined` in a CommonJS bundle, which has no URL of its own.
 */
export function builtFile(path: string): URL | undefined {
  const module: string | undefined = import.meta.url;
  return module === undefined ? undefined : new URL(`../${path}`, module);
}
