/**
 * Imports a module whose name is known only when the program runs. The comments keep bundlers from resolving it, so a package that is
 * not installed never fails a build.
 */
export function importAtRunTime(specifier: string): Promise<Readonly<Record<string, unknown>>> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ specifier);
}
