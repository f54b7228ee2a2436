import { type DType, dtypeOf, isDType } from '../../core/dtype.js';
import { visibleText } from '../../core/visible-text.js';
import { imageKind } from '../../images/image-kind.js';

/** Type of a value in a schema: `string`, `int32 [3, 4]`, `jpeg`, `list`. */
export function typeOfValue(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Uint8Array) return imageKind(value) ?? 'bytes';
  const tensor = asTensor(value);
  if (tensor) return `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  if (Array.isArray(value)) return 'list';
  return value instanceof Date ? 'date' : typeof value;
}

/** Renders a value on one line of at most `width` characters. */
export function describeValue(value: unknown, width: number): string {
  if (typeof value === 'string') return cut(JSON.stringify(value), width);
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof Uint8Array) {
    const kind = imageKind(value);
    if (kind) return `${kind}, ${value.length} bytes`;
    if (value.length === 0) return 'no bytes';
    return cut(`${value.length} bytes: ${Buffer.from(value.subarray(0, 64)).toString('hex')}`, width);
  }
  const tensor = asTensor(value);
  if (tensor) {
    const shown = Array.from(tensor.data.subarray(0, 64) as ArrayLike<number | bigint>, shortNumber).join(
      ' ',
    );
    return cut(`${tensor.dtype} [${tensor.shape.join(', ')}]: ${shown}`, width, tensor.data.length > 64);
  }
  return cut(JSON.stringify(value, jsonValue) ?? String(value), width);
}

interface TensorLike {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array | BigInt64Array;
}

/** Returns a tensor, or a typed array as a tensor. */
export function asTensor(value: unknown): TensorLike | undefined {
  const { dtype, shape, data } = (value ?? {}) as Partial<TensorLike>;
  if (isDType(dtype) && Array.isArray(shape) && data) return { dtype, shape, data };
  const own = dtypeOf(value);
  const elements = value as Float64Array;
  return own && { dtype: own, shape: [elements.length], data: elements };
}

/** For `JSON.stringify`: 64-bit integers as text, typed arrays and tensors as lists. */
export function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array && imageKind(value)) return `${imageKind(value)}, ${value.length} bytes`;
  const tensor = ArrayBuffer.isView(value) ? asTensor(value) : undefined;
  return tensor ? Array.from(tensor.data as ArrayLike<number | bigint>) : value;
}

function shortNumber(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isInteger(value)) return String(value);
  return Number(value.toPrecision(5)).toString();
}

function cut(text: string, width: number, goesOn = false): string {
  const shown = visibleText(text);
  const characters = [...shown];
  if (characters.length <= width) return goesOn ? `${shown} …` : shown;
  return `${characters.slice(0, Math.max(1, width - 1)).join('')}…`;
}
