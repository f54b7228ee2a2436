import { looksLikeTensor, tensorProblem } from './checked-tensor.js';
import { malformed, mismatch, misplaced } from './collate-error.js';
import type { Allocate } from './dataset.js';
import { type DType, dtypeOf } from './dtype.js';
import { CollateError } from './errors.js';
import { type FieldCollate, fieldCollates, type WithFieldCollates } from './field-collates.js';
import { ownValue } from './record.js';
import { type Scalar, scalarTensor, torchScalarDtype } from './scalar-column.js';
import type { StackTensors } from './stack-tensors.js';
import { isTensor, type Tensor, tensor, zeroTensor } from './tensor.js';

/** Options for a whole tree of samples. */
export interface CollateRules {
  readonly numberDtype: DType | undefined;
  readonly stack: StackTensors;
  readonly parity: boolean;
}

/** Collates by structure; the rules say what happens to tensors and numbers. */
export function collateTree(
  samples: readonly unknown[],
  rules: CollateRules,
  allocate: Allocate = zeroTensor,
): unknown {
  if (samples.length === 0) {
    throw new CollateError('A batch without samples cannot be made', { next: 'Give at least one sample.' });
  }
  const collate = (values: readonly unknown[], path: string): unknown => {
    switch (commonKind(values, path, rules.parity)) {
      case 'number':
      case 'bigint':
      case 'boolean':
        return scalars(values as Scalar[], path, rules, allocate);
      case 'string':
      case 'ArrayBuffer':
        return [...values];
      case 'tensor':
        return rules.stack(values.map(asTensor), path, allocate);
      case 'array':
        return arrays(values as unknown[][], path, collate);
      case 'object':
        return objects(values as Record<string, unknown>[], path, {
          collate,
          allocate,
          parity: rules.parity,
        });
    }
  };
  return collate(samples, '');
}

type Kind = 'number' | 'bigint' | 'boolean' | 'string' | 'ArrayBuffer' | 'tensor' | 'array' | 'object';

/**
 * The kind of all values. With `parity`, numbers of all kinds are one kind, and values that stay a list are not
 * examined.
 */
function commonKind(values: readonly unknown[], path: string, parity: boolean): Kind {
  const kind = kindOf(values[0], path, 0);
  if (parity && (kind === 'string' || kind === 'ArrayBuffer')) return kind;
  for (let i = 1; i < values.length; i++) {
    const other = kindOf(values[i], path, i);
    if (other === kind || (parity && isScalar(other) && isScalar(kind))) continue;
    throw mismatch(path, i, `is ${article(other)}`, `sample 0 ${article(kind)}`);
  }
  return kind;
}

function isScalar(kind: Kind): boolean {
  return kind === 'number' || kind === 'bigint' || kind === 'boolean';
}

function kindOf(value: unknown, path: string, position: number): Kind {
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'string':
      return typeof value as Kind;
    case 'object':
      if (dtypeOf(value)) return 'tensor';
      if (looksLikeTensor(value)) {
        const problem = tensorProblem(value);
        if (problem) throw malformed(path, position, problem);
        return 'tensor';
      }
      if (Array.isArray(value)) return 'array';
      if (value instanceof ArrayBuffer) return 'ArrayBuffer';
      if (value !== null && isPlain(value)) return 'object';
  }
  const what = value === null ? 'null' : typeof value === 'object' ? value.constructor.name : typeof value;
  throw misplaced(path, position, what);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function asTensor(value: unknown): Tensor {
  return isTensor(value) ? value : tensor(value as Float32Array);
}

function scalars(
  values: readonly Scalar[],
  path: string,
  { numberDtype, parity }: CollateRules,
  allocate: Allocate,
): Tensor {
  const dtype = parity ? torchScalarDtype(values, numberDtype) : scalarDtype(values[0]!, numberDtype);
  return scalarTensor(values, { dtype, path, allocate, parity });
}

function scalarDtype(value: Scalar, numberDtype: DType = 'float32'): DType {
  if (typeof value === 'number') return numberDtype;
  return typeof value === 'bigint' ? 'int64' : 'bool';
}

type CollateField = (values: readonly unknown[], path: string) => unknown;

function arrays(samples: readonly unknown[][], path: string, collate: CollateField): unknown[] {
  const { length } = samples[0]!;
  samples.forEach((sample, i) => {
    if (sample.length !== length)
      throw mismatch(path, i, `has ${sample.length} entries`, `sample 0 ${length}`);
  });
  return Array.from({ length }, (_, k) =>
    collate(
      samples.map((sample) => sample[k]),
      `${path}[${k}]`,
    ),
  );
}

interface ObjectRules {
  readonly collate: CollateField;
  readonly allocate: Allocate;
  /** With `parity`, fields that the first sample lacks are dropped. */
  readonly parity: boolean;
}

function objects(
  samples: readonly Record<string, unknown>[],
  path: string,
  { collate, allocate, parity }: ObjectRules,
): object {
  const keys = Object.keys(samples[0]!);
  samples.forEach((sample, i) => {
    const own = Object.keys(sample);
    const isSame = parity || own.length === keys.length;
    if (!isSame || !keys.every((key) => Object.hasOwn(sample, key))) {
      throw mismatch(path, i, `has the fields ${listed(own)}`, `sample 0 ${listed(keys)}`);
    }
  });
  const ownCollates = (samples[0] as WithFieldCollates<string>)[fieldCollates] ?? {};
  return Object.fromEntries(
    keys.map((key) => {
      const values = samples.map((sample) => ownValue(sample, key));
      const own: FieldCollate | undefined = ownValue(ownCollates, key);
      return [key, own ? own(values as never[], allocate) : collate(values, path ? `${path}.${key}` : key)];
    }),
  );
}

function listed(names: readonly string[]): string {
  return names.join(', ') || '(none)';
}

function article(kind: Kind): string {
  return kind === 'array' || kind === 'object' || kind === 'ArrayBuffer' ? `an ${kind}` : `a ${kind}`;
}
