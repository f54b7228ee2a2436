import { isTypedArray } from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';
import { isRecord, ownValue } from '../../core/record.js';
import { isTensor, type Tensor } from '../../core/tensor.js';

/** Token ids of a sample. */
export type Tokens = ArrayLike<number | bigint>;

/**
 * Returns the token ids of a sample: a tensor, a typed array, or a record with one in `tokens`, `input_ids` or `inputIds`. The padding
 * of a packed row, where its `documentIds` are negative, is left out.
 *
 * @throws {@link FormatError} if there are none.
 */
export function tokensOf(sample: unknown, index: number): Tokens {
  const { tokens, input_ids, inputIds, documentIds } = fieldsOf(sample);
  for (const candidate of [sample, tokens, input_ids, inputIds]) {
    if (isTensor(candidate)) return withoutPadding(candidate, documentIds);
    if (isTypedArray(candidate)) return candidate;
    if (candidate !== sample && isNumberList(candidate)) return candidate;
  }
  throw missing('has no token ids', index, 'tensors or typed arrays of token ids, or records with one', [
    'tokens',
    'input_ids',
    'inputIds',
  ]);
}

function withoutPadding({ data }: Tensor, documentIds: unknown): Tokens {
  if (!isTensor(documentIds) || documentIds.data.length !== data.length) return data;
  const { data: ids } = documentIds;
  return Array.prototype.filter.call(data, (_token, k) => ids[k]! >= 0) as (number | bigint)[];
}

/**
 * Returns the text of a sample: a string, or a record with one in `text`, `content` or `document`. @throws {@link
 * FormatError} if there is none.
 */
export function textOf(sample: unknown, index: number): string {
  const { text, content, document } = fieldsOf(sample);
  const found = [sample, text, content, document].find((candidate) => typeof candidate === 'string');
  if (found !== undefined) return found as string;
  throw missing('has no text', index, 'strings, or records with one', ['text', 'content', 'document']);
}

/** The text of a sample: that of a field, or what {@link textOf} finds. @throws {@link FormatError} if there is none */
export function fieldOf(sample: unknown, field: string | undefined, index: number): string {
  if (field === undefined) return textOf(sample, index);
  const value = ownValue(fieldsOf(sample), field);
  if (typeof value === 'string') return value;
  throw new FormatError(`Sample ${index} has no text in ${field}`, {
    where: { index, field },
    next: 'Name the field that holds the text.',
  });
}

/** Pixels of an image and their memory layout. */
export interface Pixels {
  readonly data: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Elements between horizontally adjacent pixels. */
  readonly pixelStride: number;
  /** Elements between the channels of a pixel. */
  readonly channelStride: number;
  /** Factor that maps values to 0 … 255: 255 for floats, which are in 0 … 1. */
  readonly brightness: number;
}

/**
 * Returns the pixels of a sample: a tensor of shape `[H, W]`, `[C, H, W]` or `[H, W, C]` with 1, 3 or 4 channels, or
 * a record with one in `image`.
 *
 * @throws {@link FormatError} if there is none.
 */
export function pixelsOf(sample: unknown, index: number): Pixels {
  const { image } = fieldsOf(sample);
  const found = [sample, image].filter(isTensor).find(({ shape }) => isImageShape(shape));
  if (found === undefined)
    throw missing(
      'is not an image',
      index,
      'tensors of pixels [C, H, W], [H, W, C] or [H, W], or records with one',
      ['image'],
    );
  const { data, dtype, shape } = found;
  const brightness = dtype === 'float32' || dtype === 'float64' ? 255 : 1;
  const [a = 0, b = 0, c] = shape;
  const pixels = { data: data as ArrayLike<number>, brightness };
  if (c === undefined)
    return { ...pixels, height: a, width: b, channels: 1, pixelStride: 1, channelStride: 1 };
  return isChannels(a)
    ? { ...pixels, height: b, width: c, channels: a, pixelStride: 1, channelStride: b * c }
    : { ...pixels, height: a, width: b, channels: c, pixelStride: c, channelStride: 1 };
}

/**
 * Returns the label of a sample: a record's `label`, `y`, `class` or `cls`, or the second element of a pair. @throws
 * {@link FormatError} if there is none.
 */
export function labelOf(sample: unknown, index: number): number | string {
  const { label, y, class: kind, cls } = fieldsOf(sample);
  const second = Array.isArray(sample) ? sample[1] : undefined;
  for (const candidate of [label, y, kind, cls, second]) {
    const value = isTensor(candidate) && candidate.data.length === 1 ? candidate.data[0] : candidate;
    if (typeof value === 'number' || typeof value === 'string') return value;
    if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  }
  throw missing(
    'has no label',
    index,
    'pairs whose second element is a label, or records with a number or a string',
    ['label', 'y', 'class', 'cls'],
  );
}

function fieldsOf(sample: unknown): Record<string, unknown> {
  return isRecord(sample) ? sample : {};
}

function isNumberList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number');
}

const isChannels = (size: number): boolean => size === 1 || size === 3 || size === 4;

function isImageShape(shape: readonly number[]): boolean {
  return shape.length === 2 || (shape.length === 3 && (isChannels(shape[0]!) || isChannels(shape[2]!)));
}

function missing(what: string, index: number, forms: string, fields: readonly string[]): FormatError {
  return new FormatError(`Sample ${index} ${what}`, {
    where: { index },
    next: `For this metric, samples must be ${forms} in ${fields.join(' or ')}. Convert others with MapDataset, or pass your own metric.`,
  });
}
