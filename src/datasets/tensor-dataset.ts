import { tensorProblem } from '../core/checked-tensor.js';
import type { BatchContext, Dataset, IndexArray } from '../core/dataset.js';
import type { DType, TypedArrayOf } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { elementCount, isTensor, row, shareTensor, type Tensor } from '../core/tensor.js';

/** The tensors of a {@link TensorDataset}: a tuple makes tuple samples, a record makes record samples. */
export type TensorColumns = readonly Tensor[] | { readonly [name: string]: Tensor };

/**
 * Samples are the rows of tensors that agree in their first dimension, as in PyTorch.
 *
 * `new TensorDataset(x, y)` returns samples `[row of x, row of y]`; `new TensorDataset({ x, y })` returns `{ x, y }`. Rows are views,
 * O(1). `getBatch` gathers rows straight into the batch's memory. Workers read one shared copy of the tensors, which is
 * made when the dataset first moves.
 *
 * @throws {@link ShapeError} if there are no tensors, one is a scalar, or the first dimensions differ.
 */
export class TensorDataset<C extends TensorColumns> implements Dataset<C>, Movable {
  readonly columns: C;
  readonly length: number;
  #shared: C | undefined;
  #fingerprint: string | undefined;

  constructor(columns: C & { readonly [name: string]: Tensor });
  constructor(...columns: C & readonly Tensor[]);
  constructor(...columns: readonly unknown[]) {
    const single = columns.length === 1 && !isTensor(columns[0]);
    this.columns = (single ? columns[0] : columns) as C;
    this.length = commonLength(this.columns);
  }

  get(index: number): C {
    checkIndex(index, this.length, 'TensorDataset');
    return mapColumns(this.columns, (column) => row(column, index)) as C;
  }

  getBatch(indices: IndexArray, context: BatchContext): C {
    return mapColumns(this.columns, (column) => gather(column, indices, context)) as C;
  }

  fingerprint(): string {
    this.#fingerprint ??= fingerprint({
      kind: 'TensorDataset',
      columns: Object.entries(this.columns as Record<string, Tensor>).map(
        ([name, { dtype, shape, data }]) => {
          return [name, dtype, [...shape], fingerprintBytes(data)];
        },
      ),
    });
    return this.#fingerprint;
  }

  [toRecipe](): Recipe {
    this.#shared ??= mapColumns(this.columns, shareTensor) as C;
    return { builtIn: 'TensorDataset', args: this.#shared };
  }

  static fromRecipe(columns: TensorColumns): TensorDataset<TensorColumns> {
    if (isTensorList(columns)) return new TensorDataset<readonly Tensor[]>(...columns);
    return new TensorDataset<{ readonly [name: string]: Tensor }>(columns);
  }
}

function isTensorList(columns: TensorColumns): columns is readonly Tensor[] {
  return Array.isArray(columns);
}

function mapColumns(columns: TensorColumns, change: (column: Tensor) => Tensor): TensorColumns {
  if (isTensorList(columns)) return columns.map(change);
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, change(column)]));
}

function commonLength(columns: TensorColumns): number {
  const entries = Object.entries(columns as Record<string, Tensor>);
  for (const [name, column] of entries) {
    const problem = isTensor(column) && tensorProblem(column);
    if (!problem) continue;
    throw new ShapeError(`The tensor ${name} of a TensorDataset ${problem}`, {
      where: { column: name },
      next: 'Make it with tensor(data, shape), which checks it.',
    });
  }
  const lengths = entries.map(([, column]) => (isTensor(column) ? column.shape[0] : undefined));
  const [length] = lengths;
  if (length !== undefined && lengths.every((other) => other === length)) return length;
  const shapes = entries.map(
    ([name, column]) => `${name}: [${isTensor(column) ? column.shape : typeof column}]`,
  );
  throw new ShapeError('The tensors of a TensorDataset must share their first dimension', {
    where: { shapes: shapes.length > 0 ? shapes.join(', ') : 'none' },
    next: 'Give at least one tensor, each with one row a sample.',
  });
}

function gather<D extends DType>(column: Tensor<D>, indices: IndexArray, context: BatchContext): Tensor<D> {
  const [rows = 0, ...rest] = column.shape;
  const size = elementCount(rest);
  const batch = context.allocate(column.dtype, [indices.length, ...rest]);
  const source = column.data as Float64Array;
  const target = batch.data as Float64Array;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    checkIndex(index, rows, 'TensorDataset');
    if (size === 1) target[i] = source[index]!;
    else target.set(source.subarray(index * size, (index + 1) * size), i * size);
  }
  return { dtype: column.dtype, shape: batch.shape, data: batch.data as TypedArrayOf<D> };
}
