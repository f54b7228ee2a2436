/** The batches of an epoch of a `TokenBudgetSampler`. */
export interface BudgetOrder {
  readonly batches: number;
  /** The samples of batch `batch`. */
  batchAt(batch: number): number[];
  /** The position of a sample; `undefined` if it is dropped. */
  placeOf(sample: number): { readonly batch: number; readonly position: number } | undefined;
}

/** An order with its inverse. */
export interface TwoWayOrder {
  at(position: number): number;
  indexOf(value: number): number;
}

/** The order `0, 1, 2, …` */
export const unshuffled: TwoWayOrder = { at: (position) => position, indexOf: (value) => value };
