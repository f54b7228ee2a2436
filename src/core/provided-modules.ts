/** Imports a module, as `() => import('./data.js')` does. */
export type ImportModule = () => Promise<Readonly<Record<string, unknown>>>;

const provided = new Map<string, ImportModule>();

/**
 * Registers modules by name for this thread. Bundlers move files and find them only through `() => import('./data.js')`.
 * Call it in your worker to define `workerDataset('worker:data')`, and in a page to bundle an optional package: Millrace
 * then imports the package through the function with that name.
 *
 * @param modules - By name: any URL, `worker:data`, or a package that Millrace asks for.
 */
export function provideModules(modules: Readonly<Record<string, ImportModule>>): void {
  for (const [name, importIt] of Object.entries(modules)) provided.set(name, importIt);
}

/** The module provided for a name, if there is one. */
export function providedModule(name: string): ReturnType<ImportModule> | undefined {
  return provided.get(name)?.();
}

/** All names that are provided. */
export function providedNames(): readonly string[] {
  return [...provided.keys()];
}
