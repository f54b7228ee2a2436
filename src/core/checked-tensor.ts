import { dtypeOf, dtypes, isDType } from './dtype.js';
import { CollateError } from './errors.js';
import { isRecord } from './record.js';
import { elementCount, type Tensor } from './tensor.js';

/** Whether a value is meant as a tensor: it has a dtype, a shape and data. */
export function looksLikeTensor(value: unknown): value is Tensor {
  if (!isRecord(value)) return false;
  const { dtype, shape, data } = value;
  return typeof dtype === 'string' && shape !== undefined && ArrayBuffer.isView(data);
}

/** The problem of a value that looks like a tensor; `undefined` if there is none. */
export function tensorProblem({ dtype, shape, data }: Tensor): string | undefined {
  if (!isDType(dtype)) return `has the unknown dtype '${dtype}'; dtypes are ${dtypes.join(', ')}`;
  if (!Array.isArray(shape)) return 'has a shape that is not an array of numbers';
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    return `has the shape [${shape}], whose sizes must be whole numbers of 0 or more`;
  const stored = dtypeOf(data);
  if (stored !== dtype && !(dtype === 'bool' && stored === 'uint8'))
    return `has the dtype ${dtype}, but its data is ${stored ?? 'no array of numbers'}`;
  const needed = elementCount(shape);
  if (data.length === needed) return undefined;
  return `has ${data.length} elements, and the shape [${shape}] needs ${needed}`;
}

/**
 * Checks every tensor of a batch that a dataset made itself, in arrays and plain objects.
 *
 * @throws {@link CollateError} naming the path of an invalid tensor.
 */
export function checkTensors(batch: unknown, path = ''): void {
  if (typeof batch !== 'object' || batch === null || ArrayBuffer.isView(batch)) return;
  const problem = looksLikeTensor(batch) ? tensorProblem(batch) : undefined;
  if (problem) {
    throw new CollateError(
      `${path ? `Field ${path}` : 'The value'} of the batch is a tensor that ${problem}`,
      {
        where: { path: path || '(the batch)' },
        next: 'Make it with context.allocate(dtype, shape), or with tensor(data, shape).',
      },
    );
  }
  if (looksLikeTensor(batch)) return;
  for (const [name, field] of Object.entries(batch)) {
    if (typeof field === 'object') checkTensors(field, path ? `${path}.${name}` : name);
  }
}
