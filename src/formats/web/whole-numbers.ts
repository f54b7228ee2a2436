import type { Allocate } from '../../core/dataset.js';
import { CollateError } from '../../core/errors.js';
import type { FieldCollate } from '../../core/field-collates.js';

/** Endings of files that hold the number of a class. */
export const classEndings = ['cls', 'cls2', 'class'] as const;

/** Endings of files that hold another whole number. */
export const numberEndings = ['count', 'index', 'inx', 'id'] as const;

const asClasses: FieldCollate = (values: readonly (number | bigint)[], allocate: Allocate) => {
  const batch = allocate('int32', [values.length]);
  values.forEach((value, k) => {
    batch.data[k] = Number(value);
    if (batch.data[k] === Number(value)) return;
    throw new CollateError(`The class ${value} does not fit into int32`, {
      where: { sample: k },
      next: 'Number the classes from 0, or convert the field in a transform.',
    });
  });
  return batch;
};

const asIntegers: FieldCollate = (values: readonly (number | bigint)[], allocate: Allocate) => {
  const batch = allocate('int64', [values.length]);
  values.forEach((value, k) => {
    batch.data[k] = BigInt(value);
    if (batch.data[k] === BigInt(value)) return;
    throw new CollateError(`The number ${value} does not fit into int64`, {
      where: { sample: k },
      next: 'Convert the field in a transform.',
    });
  });
  return batch;
};

const collates = new Map<string, FieldCollate>([
  ...classEndings.map((ending) => [ending, asClasses] as const),
  ...numberEndings.map((ending) => [ending, asIntegers] as const),
]);

/** How fields that hold whole numbers form a batch: as integers, whatever dtype other numbers get. `undefined`: there are none. */
export function wholeNumberCollates(
  endings: readonly string[],
): Readonly<Record<string, FieldCollate>> | undefined {
  const found = endings.flatMap((ending) => {
    const collate = collates.get(ending.slice(ending.lastIndexOf('.') + 1));
    return collate ? [[ending, collate] as const] : [];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}
