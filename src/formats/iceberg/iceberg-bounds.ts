// What manifests say about the values of columns: https://iceberg.apache.org/spec/#scan-planning
import { ownValue } from '../../core/record.js';
import type { TableField } from '../tables/table-schema.js';
import type { ColumnBounds } from '../where/column-bounds.js';
import { valueOfAvro, valueOfBytes } from './iceberg-values.js';
import type { FieldSummary, ManifestFile } from './manifests.js';
import { type PartitionField, partitionId } from './table-metadata.js';

/** What is known about the values of a column in a file: by its statistics, and by the partitions that are made of it. */
export function boundsInFile(
  { stored, type, nested, initial }: TableField,
  file: ManifestFile,
  spec: readonly PartitionField[],
): readonly ColumnBounds[] {
  if (nested) return [];
  const { nullCounts, lowerBounds, upperBounds, partition } = file;
  const nulls = nullCounts?.find(({ key }) => key === stored)?.value;
  const areAll = nulls === BigInt(file.rowCount) && initial === undefined;
  const byStatistics: ColumnBounds = {
    least: valueOfBytes(type, lowerBounds?.find(({ key }) => key === stored)?.value),
    greatest: valueOfBytes(type, upperBounds?.find(({ key }) => key === stored)?.value),
    missing: nulls === 0n ? 'none' : areAll ? 'all' : undefined,
  };
  const byPartitions = spec.flatMap((part, k) => {
    if (part['source-id'] !== stored) return [];
    const result = partition.get(partitionId(part, k));
    return boundsOfResults(type, part.transform, { from: result, to: result, read: valueOfAvro }) ?? [];
  });
  return [byStatistics, ...byPartitions];
}

/** What is known about the values of a column in all files of a manifest, by the partitions that are made of it. */
export function boundsInManifest(
  { stored, type, nested }: TableField,
  summaries: readonly FieldSummary[],
  spec: readonly PartitionField[],
): readonly ColumnBounds[] {
  return spec.flatMap((part, k): readonly ColumnBounds[] => {
    const summary = summaries[k];
    if (part['source-id'] !== stored || nested || !summary) return [];
    const { lower_bound: from, upper_bound: to, contains_null } = summary;
    const bounds = boundsOfResults(type, part.transform, { from, to, read: valueOfBytes });
    return bounds ? [{ ...bounds, missing: contains_null === false ? 'none' : undefined }] : [];
  });
}

/** The least and the greatest result of a transform. */
interface Results {
  readonly from: unknown;
  readonly to: unknown;
  read(type: string, stored: unknown): unknown;
}

/** The bounds of values whose results of a transform have bounds; `undefined` for a transform that has no order. */
function boundsOfResults(type: string, transform: string, results: Results): ColumnBounds | undefined {
  const { from, to, read } = results;
  const startOf = ownValue(starts, transform);
  if (startOf) {
    const [first, last] = [read('int', from), read('int', to)];
    // The last value is a day or a millisecond before the next period; before 1970, milliseconds are rounded up.
    const before = (next: number) => (type === 'date' ? dayMs : next > 0 ? 1 : 0);
    return {
      // Older writers rounded times before 1970 up, into the next period.
      least: typeof first === 'number' ? new Date(startOf(first > 0 ? first : first - 1)) : undefined,
      greatest: typeof last === 'number' ? new Date(startOf(last + 1) - before(last + 1)) : undefined,
    };
  }
  const width = transform === 'identity' ? '0' : /^truncate\[(\d+)\]$/.exec(transform)?.[1];
  if (width === undefined) return undefined;
  const [least, greatest] = [read(type, from), read(type, to)];
  if (width === '0' || typeof greatest === 'string') return { least, greatest };
  if (type === 'long' && typeof greatest === 'bigint')
    return { least, greatest: greatest + BigInt(width) - 1n };
  // Of decimals, the width counts units of their last digit.
  return type === 'int' && typeof greatest === 'number'
    ? { least, greatest: greatest + Number(width) - 1 }
    : { least };
}

const dayMs = 86_400_000;

/** When the period with a number begins, by transform. */
const starts: Readonly<Record<string, (period: number) => number>> = {
  year: (period) => new Date(0).setUTCFullYear(1970 + period),
  month: (period) => new Date(0).setUTCFullYear(1970, period),
  day: (period) => period * dayMs,
  hour: (period) => period * 3_600_000,
};
