import type { Dataset, IterableDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { type ModuleRecipe, type Movable, toRecipe } from '../core/recipe.js';

/** The export of a module and its options. */
export interface WorkerModuleOptions {
  /** Name of the export. @defaultValue `'default'` */
  readonly export?: string;
  /** Passed to the export if that is a function that makes the value. Must survive structured cloning. */
  readonly options?: unknown;
}

/** A value named by its module, so that each thread makes its own. */
export class WorkerModule<V> implements Movable {
  readonly module: string;
  readonly exportName: string;
  readonly options: unknown;
  readonly #calls: boolean;
  #value: Promise<V> | undefined;

  constructor(module: string | URL, options: WorkerModuleOptions, calls: boolean) {
    this.module = moduleUrl(module);
    this.exportName = options.export ?? 'default';
    this.options = options.options;
    this.#calls = calls;
  }

  /** Loads the value in this thread, once. */
  load(): Promise<V> {
    this.#value ??= this.#load();
    return this.#value;
  }

  async #load(): Promise<V> {
    // Pages load this code only if they name a module.
    const { valueOfModule } = await import('./module-value.js');
    return (await valueOfModule(this[toRecipe]())) as V;
  }

  [toRecipe](): ModuleRecipe {
    const recipe = { module: this.module, export: this.exportName, calls: this.#calls };
    return this.options === undefined ? recipe : { ...recipe, options: this.options };
  }
}

/** A dataset named by its module. */
export type WorkerDataset<T> = WorkerModule<Dataset<T> | IterableDataset<T>>;

/** A function named by its module. */
export type WorkerFunction<F extends (...args: never[]) => unknown> = WorkerModule<F>;

/**
 * Names a dataset by module and export, the way `new Worker(new URL(…))` does: each worker imports the module and makes
 * its own. The export is a dataset, or a function (sync or async) that takes `options` and returns one.
 *
 * The module is imported in every worker, so it must not start a loader when it is imported.
 *
 * @param module - `import.meta.url`, or `new URL('./data.js', import.meta.url)`.
 */
export function workerDataset<T>(module: string | URL, options: WorkerModuleOptions = {}): WorkerDataset<T> {
  return new WorkerModule(module, options, true);
}

/**
 * Names a function (a transform, a collate) by module and export, so that it can run in workers. With `options` the
 * export is called with them and returns the function; without, the export is the function.
 */
export function workerFunction<F extends (...args: never[]) => unknown>(
  module: string | URL,
  options: WorkerModuleOptions = {},
): WorkerFunction<F> {
  return new WorkerModule(module, options, options.options !== undefined);
}

function moduleUrl(module: string | URL): string {
  const url = String(module);
  if (URL.canParse(url)) return url;
  throw new ConfigError('A worker module', [
    {
      field: 'module',
      message: `${url} is not a URL; pass import.meta.url or new URL('./data.js', import.meta.url)`,
    },
  ]);
}
