import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../../core/dataset.js';
import { IndexRangeError } from '../../core/errors.js';
import { isRecord } from '../../core/record.js';
import { shownLocation } from '../../core/shown-location.js';
import { relativeNames } from '../../formats/find/choose-files.js';
import { describeLeftOut } from '../../formats/find/find-data.js';
import type { FormatName } from '../../formats/format-table.js';
import { ImageFolder } from '../../formats/index.js';
import { openAndTell } from '../../formats/open-dataset.js';
import { sampleContext } from '../../random/sample-context.js';
import { listFiles } from '../../storage/list-files.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import { describeChatLayout } from '../../tokens/chat-layout.js';
import { isModule, openData } from '../analyze/open-data.js';
import { typeOfValue } from './describe-value.js';

/** A sample as fields. A sample that is not an object has one unnamed field. */
export interface InspectedSample {
  readonly index: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Facts about data, known without reading all of it. */
export interface Inspection {
  /** The path or URL, without secrets. */
  readonly name: string;
  readonly format: FormatName;
  readonly length: number;
  /** Files, row groups or record batches. */
  readonly shards: number | undefined;
  /** Local files and their size. */
  readonly files: { readonly count: number; readonly byteLength: number } | undefined;
  readonly fingerprint: string | undefined;
  /** Files of the folder or pattern that are not read, by reason, if any. */
  readonly leftOut: string | undefined;
  /** From the files, or else from the inspected samples. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** How the columns are read as fine-tuning data, if they can be. */
  readonly chatLayout: string | undefined;
  readonly samples: readonly InspectedSample[];
}

export interface InspectOptions {
  readonly format?: FormatName | undefined;
  /** Number of samples to inspect, evenly spaced from the first. */
  readonly count: number;
  /** Index of the only sample to inspect. */
  readonly index?: number | undefined;
  readonly columns?: readonly string[] | undefined;
}

type Opened = Awaited<ReturnType<typeof openAndTell>>;

/** Inspects data of any format, or the samples that the dataset of a module makes. @throws the errors of opening it and of reading the samples. */
export async function inspectDataset(name: string, options: InspectOptions): Promise<Inspection> {
  const { format: given, count, index, columns: chosen } = options;
  const opened: Opened = isModule(name)
    ? {
        format: 'module',
        dataset: (await openData(name, {}, 'inspect')).dataset,
        columns: undefined,
        leftOut: [],
      }
    : await openAndTell(name, {
        ...(given && { format: given }),
        ...(chosen && { columns: chosen }),
      });
  const { dataset, format } = opened;
  try {
    const { length } = dataset;
    if (index !== undefined && index >= length) {
      throw new IndexRangeError(`${name} has no sample ${index}`, {
        where: { index, length },
        next: length === 0 ? 'It is empty.' : `Indices are from 0 to ${length - 1}.`,
      });
    }
    const wanted = index === undefined ? spread(length, count) : [index];
    const samples: InspectedSample[] = [];
    for (const at of wanted) samples.push({ index: at, fields: await sampleFields(dataset, at) });
    const columns = opened.columns ?? columnsOf(samples);
    return {
      name: shownLocation(name),
      format,
      length,
      shards: dataset.shardLengths?.length,
      files: await localFiles(name, format, new Set(opened.leftOut.map(({ file }) => file))),
      fingerprint: dataset.fingerprint?.(),
      leftOut: opened.leftOut.length > 0 ? describeLeftOut(opened.leftOut) : undefined,
      columns,
      chatLayout: describeChatLayout(columns.map((column) => column.name)),
      samples,
    };
  } finally {
    await dataset.close?.();
  }
}

/** Evenly spaced indices, including the first and the last. */
function spread(length: number, count: number): number[] {
  const shown = Math.min(length, count);
  return Array.from({ length: shown }, (_, k) =>
    shown === 1 ? 0 : Math.round((k * (length - 1)) / (shown - 1)),
  );
}

/** Replaces a decoded image by its file, which a page can show. */
async function sampleFields(dataset: Dataset<unknown>, index: number): Promise<InspectedSample['fields']> {
  const isAugmented = dataset instanceof ImageFolder && dataset.imageSteps.length > 0;
  if (!(dataset instanceof ImageFolder) || isAugmented)
    return fieldsOf(await dataset.get(index, sampleContext(index)));
  return {
    file: dataset.path(index),
    class: dataset.classes[dataset.label(index)],
    image: Uint8Array.from(await dataset.bytes(index)),
  };
}

/** Splits a sample into fields. A sample that is not an object has one unnamed field. */
export function fieldsOf(sample: unknown): Readonly<Record<string, unknown>> {
  const hasFields =
    isRecord(sample) && !ArrayBuffer.isView(sample) && !('dtype' in sample && 'shape' in sample);
  return hasFields ? sample : { '': sample };
}

/** Fields of the samples, each with all its types. */
function columnsOf(samples: readonly InspectedSample[]): { name: string; type: string }[] {
  const types = new Map<string, Set<string>>();
  for (const { fields } of samples) {
    for (const [name, value] of Object.entries(fields)) {
      const known = types.get(name) ?? new Set();
      types.set(name, known.add(typeOfValue(value)));
    }
  }
  return Array.from(types, ([name, found]) => ({ name, type: [...found].join(' or ') }));
}

async function localFiles(
  name: string,
  format: FormatName,
  leftOut: ReadonlySet<string>,
): Promise<Inspection['files']> {
  if (isRemote(name) || format === 'module') return undefined;
  const path = localPath(name);
  const prefix = path.replace(/\.(bin|idx)$/, '');
  const listed = format === 'indexed' ? [`${prefix}.bin`, `${prefix}.idx`] : await listFiles(path);
  const names = relativeNames(path, listed);
  const files = listed.filter((_, k) => !leftOut.has(names[k]!));
  const sizes = files.map((file) => statSync(join(file), { throwIfNoEntry: false })?.size ?? 0);
  return { count: files.length, byteLength: sizes.reduce((sum, size) => sum + size, 0) };
}
