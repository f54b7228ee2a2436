// Slices of sequences for DeepSpeed's sequence parallelism, against vectors of its own classes.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Tensor, tensor } from 'millrace';
import { Collectives, FpdtInputConstruct, UlyssesSPDataLoaderAdapter } from 'millrace/deepspeed';
import { CapabilityError, ConfigError, ShapeError, StorageError } from 'millrace/errors';
import { afterAll, describe, expect, it } from 'vitest';
import { recorded } from './originals.js';

type Fields = Readonly<Record<string, number[][] | string>>;

interface Ulysses {
  readonly size: number;
  /** By rank, the batches of its loader. */
  readonly inputs: readonly (readonly Fields[])[];
  readonly outputs: readonly {
    readonly length: number;
    readonly batches: readonly Fields[];
    readonly error?: string;
  }[];
}

interface Fpdt {
  readonly length: number;
  readonly size: number;
  readonly chunk: number;
  readonly ranks?: readonly (readonly (number[][] | null)[])[];
  readonly error?: string;
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-group-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function matrix(rows: readonly (readonly number[])[]): Tensor<'int64'> {
  return tensor(BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);
}

const made = (fields: Fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : matrix(value)]),
  );

function rowsOf({ data, shape }: Tensor): number[][] {
  const [rows, width] = shape as [number, number];
  return Array.from({ length: rows }, (_, k) =>
    Array.from((data as Int32Array).slice(k * width, (k + 1) * width), Number),
  );
}

const shown = (batch: object) =>
  Object.fromEntries(
    Object.entries(batch).map(([name, value]) => [name, typeof value === 'string' ? value : rowsOf(value)]),
  );

class Batches {
  readonly length: number;
  readonly batches: readonly object[];

  constructor(batches: readonly object[]) {
    this.batches = batches;
    this.length = batches.length;
  }
  async *[Symbol.asyncIterator]() {
    yield* this.batches as Record<string, unknown>[];
  }
}

async function all(adapter: UlyssesSPDataLoaderAdapter): Promise<object[]> {
  const found: object[] = [];
  for await (const batch of adapter) found.push(shown(batch));
  return found;
}

const ids = (rows: readonly (readonly number[])[]) => ({
  input_ids: matrix(rows),
  labels: matrix(rows),
  position_ids: matrix(rows.map((row) => row.map((_, k) => k))),
});

describe('UlyssesSPDataLoaderAdapter', () => {
  it.each(recorded<Ulysses>('ulysses.json'))(
    'gives the slices of DeepSpeed, case %#',
    async ({ size, inputs, outputs }) => {
      const groups = Collectives.inProcess(size);
      await Promise.all(
        groups.map(async (spGroup, rank) => {
          const adapter = new UlyssesSPDataLoaderAdapter(new Batches(inputs[rank]!.map(made)), { spGroup });
          const expected = outputs[rank]!;
          expect(adapter.length).toBe(expected.length);
          if (expected.error) {
            await expect(all(adapter)).rejects.toThrow(ShapeError);
            return;
          }
          // Twice: the second pass begins again.
          expect(await all(adapter)).toEqual(expected.batches);
          expect(await all(adapter)).toEqual(expected.batches);
        }),
      );
    },
  );

  it('shifts labels before the cut, and none over the end of a packed document', async () => {
    const batch = {
      input_ids: matrix([[1, 2, 3, 4, 5, 6]]),
      labels: matrix([[1, 2, 3, 4, 5, 6]]),
      position_ids: matrix([[0, 1, 2, 3, 0, 1]]),
    };
    const slices = async (parity: boolean) => {
      const groups = Collectives.inProcess(2);
      const found = await Promise.all(
        groups.map((spGroup) =>
          all(new UlyssesSPDataLoaderAdapter(new Batches([batch]), { spGroup, parity })),
        ),
      );
      return found.map(([first]) => (first as { shift_labels: number[][] }).shift_labels[0]);
    };
    expect(await slices(false)).toEqual([
      [2, 3, 4],
      [-100, 6, -100],
    ]);
    expect(await slices(true)).toEqual([
      [2, 3, 4],
      [5, 6, -100],
    ]);
  });

  it('refuses batches without positions or of unequal fields, and ranks with different numbers of batches', async () => {
    const run = (batches: readonly (readonly object[])[]) =>
      Promise.allSettled(
        Collectives.inProcess(2).map((spGroup, rank) =>
          all(new UlyssesSPDataLoaderAdapter(new Batches(batches[rank]!), { spGroup })),
        ),
      );
    const good = ids([[1, 2]]);
    const { position_ids: _, ...without } = good;
    const [missing, other] = (await run([[without], [good]])) as PromiseRejectedResult[];
    expect(missing!.reason.message).toMatch(/A batch has no tensor position_ids/);
    expect(other!.reason).toBeInstanceOf(CapabilityError);
    expect(other!.reason.message).toMatch(/Rank 0 .* could not make its batch/);
    const [unequal] = (await run([
      [{ ...good, labels: matrix([[1, 2, 3]]) }],
      [good],
    ])) as PromiseRejectedResult[];
    expect(unequal!.reason.message).toMatch(/labels has the shape \[1,3\], and input_ids \[1,2\]/);
    for (const { reason } of (await run([[good, good], [good]])) as PromiseRejectedResult[])
      expect(reason.message).toMatch(/Rank 1 .* has no batch left, and others have/);
    expect(() => new UlyssesSPDataLoaderAdapter(new Batches([]), { spGroup: {} as never })).toThrow(
      ConfigError,
    );
  });
});

describe('Collectives.overSocket', () => {
  const program = fileURLToPath(new URL('../fixtures/gathers.js', import.meta.url));

  it('joins processes of one machine, which get the values of all in order of rank', async () => {
    const path = join(folder, 'joined');
    const children = [1, 2].map((rank) => {
      const child = fork(program, [path, String(rank), '3'], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      return new Promise((resolve) => child.on('message', resolve));
    });
    const group = await Collectives.overSocket({ rank: 0, size: 3, path });
    const rounds: unknown[] = [];
    for (let round = 0; round < 3; round++)
      rounds.push(await group.allGather({ rank: 0, data: new Int32Array(70_000).fill(round) }));
    const expected = [0, 1, 2].map((round) =>
      [0, 1, 2].map((rank) => ({ rank, data: new Int32Array(70_000).fill(round) })),
    );
    expect(rounds).toEqual(expected);
    expect(await Promise.all(children)).toEqual([true, true]);
    await group.close();
  });

  it('fails on every rank when one leaves, and when one does not come', async () => {
    const path = join(folder, 'left');
    const [first, second] = await Promise.all(
      [0, 1].map((rank) => Collectives.overSocket({ rank, size: 2, path })),
    );
    const waiting = first!.allGather(1);
    await second!.close();
    await expect(waiting).rejects.toThrow(StorageError);
    await expect(first!.allGather(2)).rejects.toThrow(/has left/);
    await expect(second!.allGather(2)).rejects.toThrow(/has left/);
    await first!.close();
    const alone = Collectives.overSocket({ rank: 0, size: 2, path: join(folder, 'alone'), timeoutMs: 1 });
    await expect(alone).rejects.toThrow(/1 ranks of the group have not joined/);
    const lost = Collectives.overSocket({ rank: 1, size: 2, path: join(folder, 'absent'), timeoutMs: 1 });
    await expect(lost).rejects.toThrow(/cannot be reached/);
    await expect(async () => Collectives.overSocket({ rank: 2, size: 2, path })).rejects.toThrow(
      /rank: must be below size/,
    );
  });

  it('ends a group within a process when a rank leaves', async () => {
    const [first, second] = Collectives.inProcess(2);
    const waiting = first!.allGather(1);
    void second!.close();
    await expect(waiting).rejects.toThrow(/Rank 1 has left the group/);
  });
});

describe('FpdtInputConstruct', () => {
  it.each(recorded<Fpdt>('fpdt.json'))(
    'gives the parts of DeepSpeed, case %#',
    ({ length, size, chunk, ranks, error }) => {
      const numbers = Array.from({ length: 2 * length }, (_, k) => k);
      const rows = [numbers.slice(0, length), numbers.slice(length)];
      const input = {
        tokens: matrix(rows),
        labels: matrix(rows.map((row) => row.map((token) => token + 1))),
        lossMask: tensor(
          Float32Array.from(numbers, (k) => ((k % length) % 3 === 0 ? 0 : 1)),
          [2, length],
        ),
        positionIds: matrix(rows.map((row) => row.map((_, k) => k))),
      };
      const make = (spRank: number) =>
        new FpdtInputConstruct(input, { chunkSize: chunk, spSize: size, spRank });
      if (error) {
        expect(() => make(0)).toThrow(/chunkSize: is/);
        return;
      }
      for (const [rank, expected] of ranks!.entries()) {
        const { tokens, labels, lossMask, attentionMask, positionIds } = make(rank).generate();
        const found = [tokens, labels, lossMask, attentionMask, positionIds].map(
          (part) => part && rowsOf(part),
        );
        expect(found).toEqual(expected);
      }
    },
  );
});
