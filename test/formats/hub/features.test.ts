// Values of every feature type of Hugging Face datasets, in the files that it writes.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor } from 'millrace';
import { loadDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../golden/hub/features', import.meta.url));
const { rows: recorded } = JSON.parse(readFileSync(`${folder}/features.json`, 'utf8')) as {
  readonly rows: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>;
};

/** A value of Millrace in the form of the recording, where marks stand for what JSON does not have. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : { $integer: String(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: numberText(value) };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('shape' in value && 'dtype' in value) return { $image: nested(value as Tensor) };
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

const perSecond: Readonly<Record<string, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };

/**
 * A recorded value as Millrace documents it: dates to the millisecond, times of day and durations as numbers in the unit of their dtype,
 * decimals as numbers, files as their bytes.
 */
function documented(value: unknown, dtype: string): unknown {
  if (Array.isArray(value)) return value.map((each) => documented(each, dtype));
  if (typeof value !== 'object' || value === null) return value;
  const { $date, $number, $bytes, $time, $microseconds, bytes } = value as Record<string, string>;
  if ($date) return { $date: new Date($date.replace(/(\.\d{3})\d*/, '$1')).toISOString() };
  if ($bytes !== undefined) return Array.from(Buffer.from($bytes, 'base64'));
  if ($number !== undefined) return Number.isFinite(Number($number)) ? Number($number) : { $number };
  const unit = perSecond[/\[(\w+)/.exec(dtype)?.[1] ?? 's']!;
  if ($microseconds !== undefined) return (Number($microseconds) * unit) / 1e6;
  if ($time) {
    const [hours, minutes, seconds] = $time.split(':').map(Number);
    return Math.round((3_600 * hours! + 60 * minutes! + seconds!) * unit);
  }
  if (bytes !== undefined) return documented(bytes, dtype);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, documented(each, dtype)]));
}

function numberText(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function nested({ data, shape }: Tensor): unknown {
  const part = (depth: number, start: number): unknown => {
    if (depth === shape.length) return Number(data[start]);
    const step = shape.slice(depth + 1).reduce((product, size) => product * size, 1);
    return Array.from({ length: shape[depth]! }, (_, k) => part(depth + 1, start + k * step));
  };
  return part(0, 0);
}

describe.each(Object.entries(recorded))('features in %s', (kind, columns) => {
  it.each(Object.entries(columns))('reads %s as datasets does', async (name, values) => {
    const dataset = await loadDataset(`${folder}/${kind}`, { split: 'train' });
    const read: unknown[] = [];
    for (let index = 0; index < dataset.length; index++) read.push(plain((await dataset.get(index))[name]));
    const feature = dataset.features[name]!;
    await dataset.close();
    const dtype = feature.kind === 'value' ? feature.dtype : '';
    expect(read).toEqual(values.map((value) => documented(value, dtype)));
  });
});
