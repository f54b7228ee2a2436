import type { Dataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { heldSamples } from '../core/held-samples.js';
import { checkIndex } from '../core/index-range.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';

/**
 * Samples held in an array. Numbers move to workers as shared memory. Structured cloning copies all other items to each
 * worker, so keep large data in a {@link TensorDataset} or a file format.
 */
export class ArrayDataset<T> implements Dataset<T>, Movable {
  readonly items: readonly T[];
  /** The items in shared memory, if they are numbers. */
  #shared: Float64Array | undefined;

  constructor(items: readonly T[]) {
    this.items = items;
  }

  get length(): number {
    return this.items.length;
  }

  get(index: number): T {
    checkIndex(index, this.items.length, 'ArrayDataset');
    return this.items[index] as T;
  }

  /** @internal A subclass may have a `get` of its own. */
  [heldSamples](): readonly T[] | undefined {
    return this.get === ArrayDataset.prototype.get ? this.items : undefined;
  }

  /** Identifies the dataset by its length alone; the items are not read. */
  fingerprint(): string {
    return fingerprint({ kind: 'ArrayDataset', length: this.items.length });
  }

  [toRecipe](): Recipe {
    this.#shared ??= sharedNumbers(this.items);
    return { builtIn: 'ArrayDataset', args: this.#shared ?? this.items };
  }

  static fromRecipe<T>(items: readonly T[]): ArrayDataset<T> {
    return new ArrayDataset(items);
  }
}

/** The items as shared memory, or `undefined` if not all of them are numbers or the platform has no shared memory. */
function sharedNumbers(items: readonly unknown[]): Float64Array | undefined {
  if (typeof items[0] !== 'number' || typeof SharedArrayBuffer === 'undefined') return undefined;
  const shared = new Float64Array(new SharedArrayBuffer(8 * items.length));
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item !== 'number') return undefined;
    shared[i] = item;
  }
  return shared;
}
