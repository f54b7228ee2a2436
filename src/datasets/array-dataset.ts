import type { Dataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';

/**
 * Samples held in an array. Moving it into workers copies it into each of them by structured cloning, so keep large
 * data in a {@link TensorDataset} or a file format.
 */
export class ArrayDataset<T> implements Dataset<T>, Movable {
  readonly items: readonly T[];

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

  /** Says the length alone: the items are not read. */
  fingerprint(): string {
    return fingerprint({ kind: 'ArrayDataset', length: this.items.length });
  }

  [toRecipe](): Recipe {
    return { builtIn: 'ArrayDataset', args: this.items };
  }

  static fromRecipe<T>(items: readonly T[]): ArrayDataset<T> {
    return new ArrayDataset(items);
  }
}
