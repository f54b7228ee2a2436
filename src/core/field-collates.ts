import type { Allocate } from './dataset.js';

/** Makes one field of a batch from the field's value in each sample. */
export type FieldCollate = (values: readonly never[], allocate: Allocate) => unknown;

/**
 * The key under which a sample says how those of its fields form a batch that are not stacked: offsets, which are joined,
 * or a maximum. Spreading a sample into another object keeps it.
 */
export const fieldCollates: unique symbol = Symbol.for('millrace.fieldCollates');

/** A sample with fields `K` that form a batch by a rule of their own. */
export interface WithFieldCollates<K extends string> {
  readonly [fieldCollates]?: Readonly<Record<K, FieldCollate>>;
}
