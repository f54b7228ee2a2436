import { CapabilityError } from '../core/errors.js';
import { isRecord, ownValue } from '../core/record.js';
import { isTensor } from '../core/tensor.js';
import type { Collectives } from './collectives.js';

/**
 * Checks that all ranks of a tensor-parallel group have the same batch.
 *
 * @throws {@link CapabilityError} on every rank of the group, naming those that differ from rank 0.
 */
export async function checkEqualInputs(batch: unknown, group: Collectives): Promise<void> {
  const batches = await group.allGather(withOwnMemory(batch));
  const different = batches.flatMap((other, rank) => (isEqualInput(batches[0], other) ? [] : [rank]));
  if (different.length === 0) return;
  throw new CapabilityError(
    `Ranks ${different.join(', ')} of the tensor-parallel group have another batch than rank 0`,
    {
      where: { ranks: different.join(', ') },
      next: 'Ranks of a tensor-parallel group read the same samples: give them the same data-parallel rank and seed.',
    },
  );
}

/** Whether two inputs are equal, as DeepSpeed compares them: tensors by elements, whatever their dtype. */
export function isEqualInput(a: unknown, b: unknown): boolean {
  if (isTensor(a) && isTensor(b)) {
    if (a.shape.length !== b.shape.length || a.shape.some((size, k) => size !== b.shape[k])) return false;
    for (let k = 0; k < a.data.length; k++) if (!equalNumbers(a.data[k]!, b.data[k]!)) return false;
    return true;
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, k) => isEqualInput(value, b[k]));
  if (isFields(a) && isFields(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isEqualInput(ownValue(a, name), ownValue(b, name)))
    );
  }
  return a === b;
}

function equalNumbers(a: number | bigint, b: number | bigint): boolean {
  // An int64 element is a bigint: `==` compares it with a number by value.
  return typeof a === typeof b ? a === b : Number(a) === Number(b);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !isTensor(value);
}

/** Memory that is lent or shared must not leave this rank. */
function withOwnMemory(value: unknown): unknown {
  if (isTensor(value)) return { ...value, shape: [...value.shape], data: value.data.slice() };
  if (Array.isArray(value)) return value.map(withOwnMemory);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withOwnMemory(field)]));
}
