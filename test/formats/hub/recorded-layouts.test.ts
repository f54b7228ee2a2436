import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError, type Tensor } from 'millrace';
import { type HubDataset, loadDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';
import { folderOf, rowsOf } from './layouts.js';

interface Description {
  readonly length: number;
  readonly columns: readonly string[];
  readonly classes: Readonly<Record<string, readonly string[]>>;
  readonly rows: readonly unknown[];
}

interface Wanted {
  readonly splits?: Readonly<Record<string, Description>>;
  readonly dataset?: Description;
  readonly error?: string;
}

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, { readonly text: string } | { readonly base64: string }>>;
  readonly mayRefuse?: boolean | string;
  readonly calls: readonly {
    readonly call: { readonly config?: string; readonly split?: string };
    readonly want: Wanted;
  }[];
}

/** Recordings that may be refused, where the files of a folder without names of splits are all one split, as they are elsewhere. */
const followed = new Set(['keyword as part of a word']);

function recorded(file: string): readonly Case[] {
  return JSON.parse(readFileSync(join('test/golden/hub', file), 'utf8')).cases;
}

function isTensor(value: unknown): value is Tensor<'uint8'> {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
}

/** A value as the recordings write it. */
function plain(value: unknown, folder: string): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') return value.replaceAll(folder, 'FOLDER');
  if (value instanceof Date) return { as: 'datetime', text: value.toISOString().slice(0, 19) };
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (isTensor(value)) {
    const [, height = 0, width = 0] = value.shape;
    const plane = height * width;
    return { image: [width, height], first: [0, plane, 2 * plane].map((at) => value.data[at]) };
  }
  if (Array.isArray(value)) return value.map((each) => plain(each, folder));
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, (each) => plain(each, folder));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, folder)]));
}

async function described(dataset: HubDataset, folder: string): Promise<Description> {
  const features = Object.entries(dataset.features);
  return {
    length: dataset.length,
    columns: features.map(([name]) => name).sort(),
    classes: Object.fromEntries(
      features.flatMap(([name, feature]) => (feature.kind === 'classLabel' ? [[name, feature.names]] : [])),
    ),
    rows: (await rowsOf(dataset)).map((row) => plain(row, folder)),
  };
}

/** The order of columns of tar shards depends on the number of samples in `datasets`. */
function sortedColumns(wanted: Description): Description {
  return { ...wanted, columns: [...wanted.columns].sort() };
}

describe.each(['layouts.json', 'more-layouts.json'])('loadDataset as recorded in %s', (file) => {
  it.each(recorded(file).map((each) => [each.name, each] as const))(
    '%s',
    async (name, { files, calls, mayRefuse }) => {
      const folder = await folderOf(
        Object.fromEntries(
          Object.entries(files).map(([path, content]) => [
            path,
            'text' in content ? content.text : Buffer.from(content.base64, 'base64'),
          ]),
        ),
      );
      for (const { call, want } of calls) {
        const open = async () => {
          const found = await loadDataset(folder, call);
          if (call.split !== undefined)
            return { dataset: await described(found as unknown as HubDataset, folder) };
          const splits = Object.entries(found as Readonly<Record<string, HubDataset>>);
          return {
            splits: await Promise.all(
              splits.map(async ([split, own]) => [split, await described(own, folder)]),
            ),
          };
        };
        if (want.error !== undefined || (mayRefuse && !followed.has(name))) {
          await expect(open(), JSON.stringify(call)).rejects.toThrow(MillraceError);
          continue;
        }
        const expected = want.dataset
          ? { dataset: sortedColumns(want.dataset) }
          : { splits: Object.entries(want.splits!).map(([split, each]) => [split, sortedColumns(each)]) };
        expect(await open(), JSON.stringify(call)).toEqual(expected);
      }
    },
  );
});
