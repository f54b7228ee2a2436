/** Imports a module, as `() => import('./data.js')` does. */
export type ImportModule = () => Promise<Readonly<Record<string, unknown>>>;

const provided = new Map<string, ImportModule>();

/**
 * Says what to import for names of modules: bundlers move files, and find them by `() => import('./data.js')`. A worker of one's own calls
 * it, so that `workerDataset('worker:data')` means the module there.
 *
 * @param modules - By name: any URL, `worker:data`.
 */
export function provideModules(modules: Readonly<Record<string, ImportModule>>): void {
  for (const [name, importIt] of Object.entries(modules)) provided.set(name, importIt);
}

/** The module provided for a URL, if there is one. */
export function providedModule(url: string): ReturnType<ImportModule> | undefined {
  return provided.get(url)?.();
}

/** All names that are provided. */
export function providedNames(): readonly string[] {
  return [...provided.keys()];
}
