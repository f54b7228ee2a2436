import type { Allocate } from '../core/dataset.js';
import { copyElements, type DType, dtypeOf, subarrayOf, type TypedArray } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import { type Tensor, tensor } from '../core/tensor.js';
import type { Segment } from './sequence-layout.js';

/** Fields that belong to labels, and are shifted with them. */
const besideLabels: readonly string[] = ['lossWeights'];

/** Fields of sequences beside tokens and labels. They are allocated when the first document says which there are. */
export class SequenceFields {
  readonly #allocate: Allocate;
  readonly #shape: readonly number[];
  readonly #shift: boolean;
  #tensors: Map<string, Tensor> | undefined;

  constructor(allocate: Allocate, shape: readonly number[], shift: boolean) {
    this.#allocate = allocate;
    this.#shape = shape;
    this.#shift = shift;
  }

  /**
   * Writes a segment of a document from element `at` on.
   *
   * @param values - The fields of the segment's tokens, and of the one after them if the segment has a next one.
   * @throws {@link CollateError} if documents have different fields.
   */
  write(
    at: number,
    { start, length, hasNext }: Segment,
    values: ReadonlyMap<string, TypedArray>,
    where: Readonly<Record<string, number>>,
  ): void {
    this.#tensors ??= new Map(
      Array.from(values, ([name, array]) => [name, this.#zeros(tensor(array).dtype)] as const),
    );
    const tensors = this.#tensors;
    if (values.size !== tensors.size) throw otherFields(values, tensors, where);
    for (const [name, array] of values) {
      const field = tensors.get(name);
      if (field === undefined || field.dtype !== dtypeOf(array)) throw otherFields(values, tensors, where);
      const isShifted = this.#shift && besideLabels.includes(name);
      const first = isShifted ? 1 : 0;
      const last = isShifted && hasNext ? length + 1 : length;
      copyElements(subarrayOf(array, first, last), field.data, at);
      // The first token of a document has no label.
      if (!isShifted && start === 0 && length > 0 && besideLabels.includes(name))
        setToZero(subarrayOf(field.data, at, at + 1));
    }
  }

  /** The fields by name. */
  get tensors(): Readonly<Record<string, Tensor>> {
    return Object.fromEntries(this.#tensors ?? []);
  }

  #zeros(dtype: DType): Tensor {
    const field = this.#allocate(dtype, this.#shape);
    setToZero(field.data);
    return field;
  }
}

function setToZero(data: TypedArray): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(0n);
  else data.fill(0);
}

function otherFields(
  found: ReadonlyMap<string, TypedArray>,
  expected: ReadonlyMap<string, Tensor>,
  where: Readonly<Record<string, number>>,
): CollateError {
  const named = (fields: Iterable<readonly [string, DType | undefined]>) =>
    Array.from(fields, ([name, dtype]) => `${name} (${dtype})`).join(', ') || 'none';
  const others = named(Array.from(found, ([name, array]) => [name, dtypeOf(array)] as const));
  const first = named(Array.from(expected, ([name, { dtype }]) => [name, dtype] as const));
  return new CollateError(`A document has the fields ${others} beside its tokens, the first one ${first}`, {
    where,
    next: 'Give all documents the same fields, of the same dtypes.',
  });
}
