import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergeParts } from '../../dist/analysis/merge-parts.js';

type Rows = readonly (readonly [value: number, ids: readonly number[]])[];

/** The rows of a part: each value once, ascending, with the ids of its samples, counted from the part's first. */
class RowsOfPart {
  readonly part: number;
  readonly firstId: number;
  value = Number.NaN;
  count = 0;
  readonly #rows: Rows;
  #row = -1;
  #taken = 0;

  constructor(part: number, firstId: number, rows: Rows) {
    this.part = part;
    this.firstId = firstId;
    this.#rows = rows;
  }

  next(): boolean {
    this.#row += 1;
    this.#taken = 0;
    const row = this.#rows[this.#row];
    if (!row) return false;
    [this.value] = row;
    this.count = row[1].length;
    return true;
  }

  takeIds(most: number): Uint32Array {
    const ids = Uint32Array.from(this.#rows[this.#row]![1].slice(this.#taken, this.#taken + most));
    this.#taken += ids.length;
    return ids;
  }
}

it('merges parts by value, and the samples of one value by id, whichever parts they are in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }), {
        minLength: 1,
        maxLength: 9,
      }),
      async (values) => {
        let firstId = 0;
        const cursors = values.map((ofPart, part) => {
          const ids = new Map<number, number[]>();
          for (const [id, value] of ofPart.entries()) ids.set(value, [...(ids.get(value) ?? []), id]);
          const cursor = new RowsOfPart(
            part,
            firstId,
            [...ids].sort(([a], [b]) => a - b),
          );
          firstId += ofPart.length;
          return cursor;
        });
        const merged: [value: number, ids: number[]][] = [];
        let row: number[] = [];
        let done = 0;
        const rows = {
          addIds: (ids: Uint32Array, first: number) => void row.push(...Array.from(ids, (id) => first + id)),
          endRow: (value: number) => {
            merged.push([value, row]);
            row = [];
          },
        };
        await mergeParts(cursors as never, rows, (samples) => {
          done += samples;
        });
        const all = values.flat();
        const expected = [...new Set(all)]
          .sort()
          .map((value) => [value, all.flatMap((v, id) => (v === value ? [id] : []))]);
        expect(merged).toEqual(expected);
        expect(done).toBe(all.length);
      },
    ),
  );
});
