import { WorkerTransferError } from './errors.js';

/** How another thread makes a value again: plain data that structured cloning can carry. */
export type Recipe = BuiltInRecipe | ClassRecipe | ModuleRecipe;

/** A class that Millrace ships, by name, and the arguments of its `fromRecipe`. */
export interface BuiltInRecipe {
  readonly builtIn: string;
  readonly args: unknown;
}

/** An export of a module that has a `fromRecipe`, and its arguments: a format that Millrace does not ship. */
export interface ClassRecipe {
  /** Where to import from, as a URL. */
  readonly module: string;
  readonly export: string;
  readonly args: unknown;
}

/** A value that a module exports or makes. */
export interface ModuleRecipe {
  /** Where to import from, as a URL. */
  readonly module: string;
  readonly export: string;
  /** Whether an export that is a function makes the value, and is to be called with `options`. */
  readonly calls: boolean;
  readonly options?: unknown;
}

/** Makes the value that a recipe describes. */
export type MakeFromRecipe = (recipe: Recipe) => Promise<unknown>;

/** The method by which a value says how to make it again elsewhere. */
export const toRecipe: unique symbol = Symbol.for('millrace.toRecipe');

/** A value that can be made again in another thread. */
export interface Movable {
  [toRecipe](): Recipe;
}

/** The static side of a built-in movable class: makes an instance from the arguments of its recipe. */
export interface FromRecipe<T> {
  fromRecipe(args: never, make: MakeFromRecipe): T | Promise<T>;
}

/** Whether a value says how to make it again elsewhere. */
export function isMovable(value: unknown): value is Movable {
  return typeof (value as Partial<Movable> | null | undefined)?.[toRecipe] === 'function';
}

/**
 * The recipe of a dataset or function.
 *
 * @param role - What the value is, for the message: `dataset`, `transform`.
 * @throws {@link WorkerTransferError} when it has none; the message shows both ways out.
 */
export function recipeOf(value: unknown, role: string): Recipe {
  if (isMovable(value)) return value[toRecipe]();
  const kind =
    typeof value === 'function' ? `function ${value.name || '(anonymous)'}` : constructorName(value);
  const wrapper = typeof value === 'function' ? 'workerFunction' : 'workerDataset';
  const direct =
    typeof value === 'function' ? '' : `, or new DataLoader(new URL('./${role}.js', import.meta.url), …)`;
  throw new WorkerTransferError(`The ${role} (${kind}) cannot be moved into a worker`, {
    next:
      `Name it by module, so that each worker makes its own: put it in a module of its own and pass ` +
      `${wrapper}(new URL('./${role}.js', import.meta.url), { export: 'default' })${direct}; ` +
      `or keep everything on the main thread with numWorkers: 0.`,
  });
}

/** A dataset that says how to make it again, but not in data that can be cloned: the way out. */
const nameItByModule = `Name it by module: workerDataset(new URL('./dataset.js', import.meta.url)), or use numWorkers: 0.`;

/**
 * What a failed structured clone means to the user: a {@link WorkerTransferError}. Any other error is given back as it is.
 *
 * @param what - What could not be sent: `The dataset cannot be moved into a worker`.
 * @param next - What to do about it. @defaultValue how to name a dataset by its module
 */
export function transferFailure(error: unknown, what: string, next = nameItByModule): unknown {
  if (!(error instanceof DOMException) || error.name !== 'DataCloneError') return error;
  return new WorkerTransferError(`${what}: ${error.message}`, { next, cause: error });
}

function constructorName(value: unknown): string {
  const name = (value as { constructor?: { name?: string } } | null | undefined)?.constructor?.name;
  return name === undefined || name === 'Object' ? 'a plain object' : `an instance of ${name}`;
}
