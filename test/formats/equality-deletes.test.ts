import fc from 'fast-check';
import type { Dataset, SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { afterEach, describe, expect, it } from 'vitest';
import { columns } from './random-tables.js';
import {
  type IcebergFile,
  removeTables,
  type StoredRow,
  type WrittenColumn,
  writeIceberg,
} from './written-tables.js';

afterEach(removeTables);

async function rowsOf(dataset: Dataset<unknown>): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for (let k = 0; k < dataset.length; k++)
    rows.push((await dataset.get(k, {} as SampleContext)) as StoredRow);
  return rows;
}

const withId = (id: number): WrittenColumn & { readonly id: number } => ({ ...columns[id - 1]!, id });
/** A file that deletes rows by columns with ids. */
const deletes = (
  ids: readonly number[],
  rows: readonly StoredRow[],
  more: Partial<IcebergFile> = {},
): IcebergFile => ({
  ...{ content: 2, equalityIds: ids, columns: ids.map(withId), rows },
  ...more,
});

describe('equality deletes of an Iceberg table', () => {
  it('leave out the older rows that equal a deleted one, missing values included', async () => {
    const day = new Date('2024-01-02');
    const value = fc.record({
      id: fc.constantFrom(0n, 2n ** 53n, 2n ** 53n + 1n, null),
      word: fc.constantFrom('', 'a', 'null', null),
      day: fc.constantFrom(new Date(0), day, null),
      ok: fc.constantFrom(true, false, null),
    });
    const names = ['id', 'word', 'day', 'ok'] as const;
    type Name = (typeof names)[number];
    const change = fc.record({
      rows: fc.array(value, { minLength: 1, maxLength: 4 }),
      /** Names of the columns that rows are deleted by; none: rows are added. */
      by: fc.oneof(fc.constant<Name[]>([]), fc.subarray([...names], { minLength: 1 })),
    });
    await fc.assert(
      fc.asyncProperty(value, fc.array(change, { minLength: 1, maxLength: 5 }), async (first, later) => {
        const changes = [{ rows: [first], by: [] as Name[] }, ...later];
        const keyOf = (row: Record<string, unknown>, by: readonly string[]) =>
          by.map((name) => `${typeof row[name]} ${String(row[name])}`).join();
        const expected = changes.flatMap(({ rows, by }, k) =>
          by.length > 0
            ? []
            : rows.filter((row) =>
                changes
                  .slice(k + 1)
                  .every(
                    (each) =>
                      each.by.length === 0 ||
                      each.rows.every((gone) => keyOf(gone, each.by) !== keyOf(row, each.by)),
                  ),
              ),
        );
        const manifests = changes.map(({ rows, by }) => {
          const ids = by.map((name) => columns.findIndex((column) => column.name === name) + 1);
          return { files: [by.length > 0 ? deletes(ids, rows) : { rows }] };
        });
        const root = await writeIceberg({ columns, manifests });
        const found = await rowsOf((await openDataset(root, { columns: [...names] })).dataset);
        expect(found).toEqual(expected);
        removeTables();
      }),
    );
  });

  it('apply within a partition, to columns that were renamed, and to those that files do not store', async () => {
    const specs = [[{ source: 2, transform: 'identity', avro: 'int' }], []];
    const files = [1, 2].map(
      (n): IcebergFile => ({
        // `n` is in the manifest alone; `word` had another name.
        ...{ partition: [n], columns: [withId(1), { ...withId(3), name: 'text' }] },
        rows: [
          { id: 1n, text: 'a' },
          { id: 2n, text: 'b' },
          { id: 3n, text: null },
        ],
      }),
    );
    const open = async (...later: IcebergFile[]) => {
      const manifests = [{ files }, ...later.map((file) => ({ files: [file] }))];
      const root = await writeIceberg({ columns, specs, manifests });
      const { dataset } = await openDataset(root, { columns: ['n', 'id'] });
      return (await rowsOf(dataset)).map(({ n, id }) => `${n}/${id}`);
    };
    const all = ['1/1', '1/2', '1/3', '2/1', '2/2', '2/3'];
    const without = (...gone: string[]) => all.filter((each) => !gone.includes(each));
    expect(await open(deletes([3], [{ word: 'a' }, { word: null }], { partition: [2] }))).toEqual(
      without('2/1', '2/3'),
    );
    expect(await open(deletes([1], [{ id: 2n }], { spec: 1 }))).toEqual(without('1/2', '2/2'));
    expect(await open(deletes([2, 1], [{ n: 2, id: 1n }], { spec: 1 }))).toEqual(without('2/1'));
    // No file stores `ok`: it is missing in all rows.
    expect(
      await open(
        deletes(
          [8, 1],
          [
            { ok: null, id: 3n },
            { ok: true, id: 1n },
          ],
          { spec: 1 },
        ),
      ),
    ).toEqual(without('1/3', '2/3'));
  });

  it('are refused by name if values are not exact, or no column is named', async () => {
    const refused = (file: IcebergFile) => async () =>
      openDataset(
        await writeIceberg({ columns, manifests: [{ files: [{ rows: [{ id: 1n }] }] }, { files: [file] }] }),
      );
    await expect(refused(deletes([7], [{ at: 1n }]))).rejects.toThrow(
      /equality deletes by the column at of the type timestamptz, which/,
    );
    await expect(refused(deletes([1, 4], [{ id: 1n, x: 1 }]))).rejects.toThrow(
      /the column x of the type double/,
    );
    await expect(refused({ ...deletes([1], [{ id: 1n }]), equalityIds: [99] })).rejects.toThrow(
      /the field 99/,
    );
    await expect(refused({ ...deletes([1], [{ id: 1n }]), equalityIds: [] })).rejects.toThrow(FormatError);
  });
});
