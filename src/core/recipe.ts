import { WorkerTransferError } from './errors.js';
import { hasMethod, propertyOf } from './property-of.js';

/** How another thread rebuilds a value, as plain data for structured cloning. */
export type Recipe = BuiltInRecipe | ClassRecipe | ModuleRecipe;

/** A built-in class by name, and the arguments of its `fromRecipe`. */
export interface BuiltInRecipe {
  readonly builtIn: string;
  readonly args: unknown;
}

/** An export of a module that has a `fromRecipe`, and its arguments: a format that Millrace does not ship. */
export interface ClassRecipe {
  /** The URL to import. */
  readonly module: string;
  readonly export: string;
  readonly args: unknown;
}

/** A value that a module exports or makes. */
export interface ModuleRecipe {
  /** The URL to import. */
  readonly module: string;
  readonly export: string;
  /** Whether to call an exported function with `options` to make the value. */
  readonly calls: boolean;
  readonly options?: unknown;
}

/** Makes the value that a recipe describes. The caller names its type: who wrote the recipe knows it. */
export type MakeFromRecipe = <T>(recipe: Recipe) => Promise<T>;

/** The method that returns the recipe of a value. */
export const toRecipe: unique symbol = Symbol.for('millrace.toRecipe');

/** A value that another thread can rebuild from a recipe. */
export interface Movable {
  [toRecipe](): Recipe;
}

/** The static side of a built-in movable class: makes an instance from the arguments of its recipe. */
export interface FromRecipe<T> {
  fromRecipe(args: never, make: MakeFromRecipe): T | Promise<T>;
}

/** Whether a value has a recipe. */
export function isMovable(value: unknown): value is Movable {
  return hasMethod(value, toRecipe);
}

/**
 * Returns the recipe of a dataset or function.
 *
 * @param role - What the value is, for the message: `dataset`, `transform`.
 * @throws {@link WorkerTransferError} if it has none; the message shows both alternatives.
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

/** The advice for a dataset whose recipe cannot be cloned. */
const nameItByModule = `Name it by module: workerDataset(new URL('./dataset.js', import.meta.url)), or use numWorkers: 0.`;

/**
 * Converts the error of a failed structured clone to a {@link WorkerTransferError}; returns any other error unchanged.
 *
 * @param what - The value that could not be sent: `The dataset cannot be moved into a worker`.
 * @param next - What to do about it. @defaultValue how to name a dataset by its module
 */
export function transferFailure(error: unknown, what: string, next = nameItByModule): unknown {
  if (!isCloneError(error)) return error;
  return new WorkerTransferError(`${what}: ${error.message}`, { next, cause: error });
}

/** Deno's threads report a value that cannot be cloned as a TypeError. */
function isCloneError(error: unknown): error is Error {
  if (error instanceof TypeError) return error.message.endsWith('could not be cloned.');
  return error instanceof DOMException && error.name === 'DataCloneError';
}

function constructorName(value: unknown): string {
  const name = propertyOf(propertyOf(value, 'constructor'), 'name');
  return name === undefined || name === 'Object' ? 'a plain object' : `an instance of ${name}`;
}
