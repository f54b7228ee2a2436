import { isTensor, type Tensor } from '../../core/tensor.js';
import { drawAnnotations, imagesOf } from '../../images/show/show-sample.js';
import type { ShownPicture } from '../../images/show/shown-picture.js';

/** An image, scaled down to send to the page. */
export type PeekImage =
  /** Red, green and blue, one byte each, row by row, as base64. */
  | { readonly kind: 'pixels'; readonly width: number; readonly height: number; readonly rgb: string }
  /** A `data:` URL of an encoded image. */
  | { readonly kind: 'encoded'; readonly url: string };

/** A field of a batch, for display. */
export interface PeekField {
  /** Empty if the batch is a single value. */
  readonly name: string;
  /** `int32 [32, 128]`, `32 strings`. */
  readonly type: string;
  /** Minimum, mean and maximum of the finite elements examined. */
  readonly range?: { readonly min: number; readonly mean: number; readonly max: number };
  /** NaN and infinite elements among those examined; absent if there are none. */
  readonly notFinite?: { readonly nan: number; readonly infinite: number; readonly of: number };
  /** The first elements, as a few rows. */
  readonly rows?: readonly string[];
  readonly texts?: readonly string[];
  readonly images?: readonly PeekImage[];
}

/** A summary of a batch. */
export interface BatchPeek {
  readonly epoch: number;
  readonly batch: number;
  readonly samples: number;
  readonly fields: readonly PeekField[];
}

const maxFields = 12;
const maxImages = 8;
const maxSide = 72;
const maxEncodedBytes = 64_000;
const maxTexts = 4;
const maxTextLength = 400;
const maxRows = 3;
const maxColumns = 16;
/** Elements examined for the range, spread over the tensor. */
const rangeElements = 4_096;

/** Summarizes the first samples of a batch. Takes well under a millisecond for any batch size. */
export function peekFields(batch: unknown): PeekField[] {
  const fields: PeekField[] = [];
  collect(batch, '', fields);
  return fields;
}

/** The fields next to a field. Masks and boxes are drawn into the images beside them. */
type Beside = Readonly<Record<string, unknown>>;

function collect(value: unknown, name: string, fields: PeekField[], beside: Beside = {}): void {
  if (fields.length >= maxFields) return;
  const field = describe(value, name, beside);
  if (field) fields.push(field);
  else if (Array.isArray(value)) {
    // A list of samples: describe the first one.
    fields.push({ name, type: `list of ${value.length}` });
    if (value.length > 0) collect(value[0], join(name, '0'), fields);
  } else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) collect(item, join(name, key), fields, value as Beside);
}

function join(name: string, key: string): string {
  return name === '' ? key : `${name}.${key}`;
}

function describe(value: unknown, name: string, beside: Beside): PeekField | undefined {
  if (isTensor(value)) return describeTensor(value, name, beside);
  if (value instanceof Uint8Array) {
    const image = encodedImage(value);
    return { name, type: `${value.length} bytes`, ...(image && { images: [image] }) };
  }
  if (ArrayBuffer.isView(value))
    return { name, type: `${value.constructor.name} of ${value.byteLength} bytes` };
  if (Array.isArray(value)) return describeList(value, name);
  if (typeof value === 'string') return { name, type: 'string', texts: [cut(value)] };
  if (typeof value !== 'object' || value === null) return { name, type: typeof value, rows: [String(value)] };
  return undefined;
}

function describeList(list: readonly unknown[], name: string): PeekField | undefined {
  if (list.length === 0) return { name, type: 'empty list' };
  if (list.every((item) => typeof item === 'string'))
    return { name, type: `${list.length} strings`, texts: list.slice(0, maxTexts).map(cut) };
  if (list.every((item) => item instanceof Uint8Array)) {
    const images = list.slice(0, maxImages).flatMap((bytes) => encodedImage(bytes) ?? []);
    return { name, type: `${list.length} byte strings`, ...(images.length > 0 && { images }) };
  }
  return undefined;
}

function describeTensor(tensor: Tensor, name: string, beside: Beside): PeekField {
  const { dtype, shape, data } = tensor;
  const field = {
    name,
    type: `${dtype} [${shape.join(', ')}]`,
    ...rangeOf(data),
  };
  const pictures = shape.length === 4 ? imagesOf(tensor, maxSide, maxImages) : [];
  if (pictures.length === 0) return { ...field, rows: rowsOf(tensor) };
  drawAnnotations(pictures, tensor, beside);
  return { ...field, images: pictures.map(pixelsOf) };
}

function rangeOf(data: Tensor['data']): Pick<PeekField, 'range' | 'notFinite'> {
  const step = Math.max(1, Math.floor(data.length / rangeElements));
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  let [nan, infinite] = [0, 0];
  for (let i = 0; i < data.length; i += step) {
    const element = Number(data[i]);
    if (!Number.isFinite(element)) {
      if (Number.isNaN(element)) nan += 1;
      else infinite += 1;
      continue;
    }
    if (element < min) min = element;
    if (element > max) max = element;
    sum += element;
    count += 1;
  }
  return {
    ...(count > 0 && { range: { min, mean: sum / count, max } }),
    ...(nan + infinite > 0 && { notFinite: { nan, infinite, of: count + nan + infinite } }),
  };
}

function rowsOf({ shape, data }: Tensor): string[] {
  const rows = shape.length === 0 ? 1 : shape.length === 1 ? 1 : shape[0]!;
  const columns = rows === 0 ? 0 : data.length / rows;
  return Array.from({ length: Math.min(rows, maxRows) }, (_, row) => {
    const shown = Math.min(columns, maxColumns);
    const start = row * columns;
    const elements = Array.from<number | bigint, string>(data.subarray(start, start + shown), short);
    return `${elements.join(' ')}${columns > shown ? ' …' : ''}`;
  });
}

function short(element: number | bigint): string {
  return typeof element === 'bigint' || Number.isSafeInteger(element)
    ? String(element)
    : Number(element.toPrecision(4)).toString();
}

function pixelsOf({ width, height, rgb }: ShownPicture): PeekImage {
  return { kind: 'pixels', width, height, rgb: base64(rgb) };
}

const imageTypes: readonly (readonly [type: string, beginning: readonly number[]])[] = [
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
];

function encodedImage(bytes: Uint8Array): PeekImage | undefined {
  const type = imageTypes.find(([, beginning]) => beginning.every((byte, k) => bytes[k] === byte))?.[0];
  if (!type || bytes.length > maxEncodedBytes) return undefined;
  return { kind: 'encoded', url: `data:image/${type};base64,${base64(bytes)}` };
}

function base64(bytes: Uint8Array | Uint8ClampedArray): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function cut(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
}
