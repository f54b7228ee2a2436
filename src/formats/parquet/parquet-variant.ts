// VARIANT: values of any type in bytes of their own, https://github.com/apache/parquet-format/blob/master/VariantEncoding.md, or
// shredded into columns of their type, https://github.com/apache/parquet-format/blob/master/VariantShredding.md. hyparquet reads a
// shredded `false`, 0 or empty text as null, and bytes as if they were a variant.
import { isRecord, ownValue } from '../../core/record.js';
import { checkedDate } from '../tables/checked-date.js';
import { nearestDecimal } from '../tables/nearest-decimal.js';
import { utf8Text } from '../tables/utf8-text.js';
import { uuidText } from './parquet-values.js';

/** Layout of the `typed_value` column of a shredded variant. */
export type ShreddedType =
  | { readonly kind: 'value' }
  | { readonly kind: 'list'; readonly element: ShreddedType | undefined }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, ShreddedType | undefined> };

/** A stored variant group. Missing fields are `null`. */
type Group = Readonly<Record<string, unknown>>;

/** Marks a field that an object does not have. */
const missing = Symbol('missing');

/** Decodes a variant. @throws Error if it is damaged */
export function variantValue(group: Group, typed: ShreddedType | undefined): unknown {
  const { metadata } = group;
  if (!(metadata instanceof Uint8Array)) throw new Error('a variant has no metadata');
  const value = shreddedValue(group, typed, namesOf(metadata));
  return value === missing ? null : value;
}

function shreddedValue(stored: Group, type: ShreddedType | undefined, names: readonly string[]): unknown {
  const typed = type ? (stored.typed_value ?? null) : null;
  const encoded = stored.value instanceof Uint8Array ? new Encoded(stored.value, names) : undefined;
  if (!type || typed === null) return encoded ? encoded.value(0) : missing;
  if (encoded && type.kind !== 'object') throw new Error('a variant has two values');
  if (type.kind === 'value') return typed;
  if (type.kind === 'list') {
    if (!Array.isArray(typed)) throw new Error('a list of a variant is not a list');
    return typed.map((item) => {
      const value = shreddedValue(item, type.element, names);
      return value === missing ? null : value;
    });
  }
  const group = isRecord(typed) ? typed : {};
  const { fields: shredded } = type;
  const fields: [string, unknown][] = [];
  for (const [name, field] of shredded) {
    const part = ownValue(group, name);
    const value = isRecord(part) ? shreddedValue(part, field, names) : missing;
    if (value !== missing) fields.push([name, value]);
  }
  // The fields of a partly shredded object that are not shredded.
  const rest = encoded ? encoded.value(0) : {};
  if (!isRecord(rest)) throw new Error('the plain part of a shredded object is not an object');
  // A shredded field appears in its column or nowhere.
  const others = Object.entries(rest).filter(([name]) => !shredded.has(name));
  return Object.fromEntries([...others, ...fields]);
}

/** Names of the fields that values refer to. */
function namesOf(bytes: Uint8Array): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = view.getUint8(0);
  if ((head & 15) !== 1) throw new Error(`a variant has version ${head & 15}, which is not supported`);
  const width = (head >> 6) + 1;
  const count = unsigned(view, 1, width);
  const start = 1 + width * (count + 2);
  if (start > bytes.length) throw new Error('the names of a variant are cut short');
  return Array.from({ length: count }, (_, k) => {
    const from = start + unsigned(view, 1 + width * (k + 1), width);
    const to = start + unsigned(view, 1 + width * (k + 2), width);
    if (to < from || to > bytes.length) throw new Error('the names of a variant are damaged');
    return utf8Text(bytes.subarray(from, to));
  });
}

class Encoded {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #names: readonly string[];
  /** Every value takes at least a byte, which bounds their number: offsets that repeat one would make an endless tree. */
  #left: number;

  constructor(bytes: Uint8Array, names: readonly string[]) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#names = names;
    this.#left = bytes.length;
  }

  value(at: number): unknown {
    if (this.#left-- <= 0) throw new Error('a variant refers to a part of itself twice');
    const head = this.#view.getUint8(at);
    const kind = head >> 2;
    switch (head & 3) {
      case 0:
        return this.#primitive(kind, at + 1);
      case 1:
        return utf8Text(this.#slice(at + 1, kind));
      case 2:
        return this.#object(kind, at + 1);
      default:
        return this.#list(kind, at + 1);
    }
  }

  #object(kind: number, start: number): Record<string, unknown> {
    const offsetWidth = (kind & 3) + 1;
    const idWidth = ((kind >> 2) & 3) + 1;
    const countWidth = kind >> 4 ? 4 : 1;
    const count = unsigned(this.#view, start, countWidth);
    const ids = start + countWidth;
    const offsets = ids + idWidth * count;
    const values = offsets + offsetWidth * (count + 1);
    this.#checkCount(count, values);
    return Object.fromEntries(
      Array.from({ length: count }, (_, k) => {
        const name = this.#names[unsigned(this.#view, ids + k * idWidth, idWidth)];
        if (name === undefined) throw new Error('a field of a variant has no name');
        return [name, this.value(values + unsigned(this.#view, offsets + k * offsetWidth, offsetWidth))];
      }),
    );
  }

  #list(kind: number, start: number): unknown[] {
    const offsetWidth = (kind & 3) + 1;
    const countWidth = (kind >> 2) & 1 ? 4 : 1;
    const count = unsigned(this.#view, start, countWidth);
    const offsets = start + countWidth;
    const values = offsets + offsetWidth * (count + 1);
    this.#checkCount(count, values);
    return Array.from({ length: count }, (_, k) =>
      this.value(values + unsigned(this.#view, offsets + k * offsetWidth, offsetWidth)),
    );
  }

  #checkCount(count: number, end: number): void {
    if (count > this.#bytes.length || end > this.#bytes.length) throw new Error('a variant is cut short');
  }

  #primitive(kind: number, at: number): unknown {
    const view = this.#view;
    switch (kind) {
      case 0:
        return null;
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return view.getInt8(at);
      case 4:
        return view.getInt16(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
      case 17: // microseconds of a day
        return view.getBigInt64(at, true);
      case 7:
        return view.getFloat64(at, true);
      case 8:
        return nearestDecimal(view.getInt32(at + 1, true), view.getUint8(at));
      case 9:
        return nearestDecimal(view.getBigInt64(at + 1, true), view.getUint8(at));
      case 10: {
        const unscaled = (view.getBigInt64(at + 9, true) << 64n) | view.getBigUint64(at + 1, true);
        return nearestDecimal(unscaled, view.getUint8(at));
      }
      case 11:
        return checkedDate(view.getInt32(at, true) * 86_400_000);
      case 12:
      case 13:
        return checkedDate(Number(view.getBigInt64(at, true) / 1_000n));
      case 14:
        return view.getFloat32(at, true);
      case 15:
        return this.#slice(at + 4, view.getUint32(at, true)).slice();
      case 16:
        return utf8Text(this.#slice(at + 4, view.getUint32(at, true)));
      case 18:
      case 19:
        return checkedDate(Number(view.getBigInt64(at, true) / 1_000_000n));
      case 20:
        return uuidText(this.#slice(at, 16));
      default:
        throw new Error(`a variant has a value of type ${kind}, which is not supported`);
    }
  }

  #slice(at: number, length: number): Uint8Array {
    if (at + length > this.#bytes.length) throw new Error('a variant is cut short');
    return this.#bytes.subarray(at, at + length);
  }
}

function unsigned(view: DataView, at: number, width: number): number {
  let value = 0;
  for (let k = width - 1; k >= 0; k--) value = value * 256 + view.getUint8(at + k);
  return value;
}
