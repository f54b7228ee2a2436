// Leases: a batch counts as delivered once it is acknowledged, in any order, through restarts.
import fc from 'fast-check';
import { DataLoader, type LoaderState } from 'millrace';
import {
  CapabilityError,
  ConfigError,
  LoaderClosedError,
  LoaderTimeoutError,
  SampleError,
} from 'millrace/errors';
import { verifyReceipt } from 'millrace/receipts';
import { describe, expect, it } from 'vitest';
import { collect, range } from './collect.js';
import { EvolvingSampler, TurningSampler } from './stateful-samplers.js';

const run = fc.record({
  length: fc.integer({ min: 1, max: 60 }),
  batchSize: fc.integer({ min: 1, max: 5 }),
  inFlight: fc.integer({ min: 1, max: 9 }),
  kind: fc.constantFrom('sequential', 'shuffled', 'turning', 'evolving'),
  seed: fc.nat(99),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

function load({ length, batchSize, kind, seed }: Run): DataLoader<number> {
  const order =
    kind === 'turning'
      ? { sampler: new TurningSampler(length) }
      : kind === 'evolving'
        ? { sampler: new EvolvingSampler(length) }
        : { shuffle: kind === 'shuffled' };
  return new DataLoader<number>(range(length), { batchSize, seed, ...order });
}

interface Held {
  readonly samples: readonly number[];
  ack(): void;
}

/** Takes leases of an epoch and acknowledges them as `next` says, until it says to stop. @returns what was acknowledged */
async function work(
  loader: DataLoader<number>,
  inFlight: number,
  next: () => number,
): Promise<{ acknowledged: number[]; unacknowledged: number[][]; isDone: boolean }> {
  const held: Held[] = [];
  const acknowledged: number[] = [];
  const acknowledge = (k: number): void => {
    const [lease] = held.splice(k % held.length, 1);
    lease!.ack();
    lease!.ack();
    acknowledged.push(...lease!.samples);
  };
  const leases = loader.leases({ inFlight });
  for (;;) {
    const asked = leases.next();
    // With all leases in flight, and at the end, the next result waits for an acknowledgement.
    const result = held.length < inFlight ? await Promise.race([asked, idle()]) : undefined;
    if (result?.done) return { acknowledged, unacknowledged: [], isDone: true };
    if (!result) {
      if (held.length > 0) acknowledge(next());
      const later = await Promise.race([asked, drained(held, () => acknowledge(next()), asked)]);
      if (later.done) return { acknowledged, unacknowledged: [], isDone: true };
      held.push({ samples: Array.from(later.value.batch.data), ack: () => later.value.ack() });
    } else {
      held.push({ samples: Array.from(result.value.batch.data), ack: () => result.value.ack() });
    }
    const choice = next();
    if (choice % 11 === 0) {
      const unacknowledged = held.map(({ samples }) => [...samples]);
      await leases.return();
      return { acknowledged, unacknowledged, isDone: false };
    }
    if (choice % 2 === 0 && held.length > 0) acknowledge(choice);
  }
}

/** Resolves without a value once pending microtasks and I/O have run. */
const idle = (): Promise<undefined> => new Promise((resolve) => setImmediate(() => resolve(undefined)));

/** Acknowledges one lease after the other until a result comes. */
async function drained<R>(held: Held[], acknowledge: () => void, asked: Promise<R>): Promise<R> {
  for (;;) {
    const result = await Promise.race([asked, idle()]);
    if (result !== undefined) return result as R;
    if (held.length > 0) acknowledge();
  }
}

describe('leases', () => {
  it('acknowledged in any order, over any restarts: each sample once, unacknowledged ones first', async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.infiniteStream(fc.nat(1000)), async (of, choices) => {
        const next = (): number => choices.next().value;
        const plain = load(of);
        const order = await collect(plain);
        const seen: number[] = [];
        let state: LoaderState | undefined;
        let due: number[][] = [];
        for (;;) {
          const loader = load(of);
          if (state) loader.loadStateDict(JSON.parse(JSON.stringify(state)));
          if (loader.epoch > 0) break;
          if (due.length > 0) {
            const probe = load(of);
            probe.loadStateDict(loader.stateDict());
            const { value: batch } = await probe[Symbol.asyncIterator]().next();
            expect(Array.from(batch!.data)).toEqual(due[0]);
          }
          const { acknowledged, unacknowledged, isDone } = await work(loader, of.inFlight, next);
          seen.push(...acknowledged);
          state = loader.stateDict();
          due = unacknowledged;
          if (isDone) break;
        }
        expect(seen.sort((a, b) => a - b)).toEqual(order.flat().sort((a, b) => a - b));
      }),
      { numRuns: 80 },
    );
  });

  it('have the receipt of an ordinary pass', async () => {
    const of = { length: 40, batchSize: 4, inFlight: 4, kind: 'shuffled', seed: 3 } as const;
    const plain = load(of);
    await collect(plain);
    const loader = load(of);
    let turn = 0;
    const { isDone } = await work(loader, 4, () => 2 * (7 * ++turn) + (turn % 2 === 0 ? 1 : 0) || 1);
    if (!isDone) throw new Error('The pass did not end.');
    expect(loader.receipt().digest).toBe(plain.receipt().digest);
    expect(verifyReceipt(load(of), loader.receipt()).difference).toBeUndefined();
  });

  it('are at most inFlight, and one that is never acknowledged does not let the state grow', async () => {
    const loader = new DataLoader<number>(range(5000), { timeoutMs: 1 });
    const leases = loader.leases({ inFlight: 3 });
    const { value: straggler } = await leases.next();
    let given = 1;
    const rest = async (): Promise<void> => {
      for await (const lease of leases) {
        given += 1;
        lease.ack();
      }
    };
    await expect(rest()).rejects.toThrow(LoaderTimeoutError);
    expect(given).toBe(65);
    expect(loader.stateDict()).toMatchObject({ epoch: 0, step: 0 });
    expect(loader.stateDict().ahead).toHaveLength(64);
    expect(JSON.stringify(loader.stateDict()).length).toBeLessThan(4096);
    const resumed = new DataLoader<number>(range(5000));
    resumed.loadStateDict(loader.stateDict());
    const [first, second] = await collect(resumed);
    expect([first, second]).toEqual([[0], [65]]);
    // It still counts where the loop was left, as long as no other began.
    straggler!.ack();
    expect(loader.stateDict()).toMatchObject({ step: 65, ahead: [] });
  });

  it('end with an error when the loader is closed, moved, or fails', async () => {
    const closed = load({ length: 9, batchSize: 1, inFlight: 1, kind: 'sequential', seed: 0 });
    const leases = closed.leases({ inFlight: 1 });
    const { value: lease } = await leases.next();
    const waiting = leases.next();
    await closed.close();
    await expect(waiting).rejects.toThrow(LoaderClosedError);
    expect(() => lease!.ack()).toThrow(/The lease has ended/);

    const failing = new DataLoader<number>(range(9), {
      transform: (sample) => {
        if (sample === 2) throw new Error('broken');
        return sample;
      },
    });
    const some = failing.leases({ inFlight: 9 });
    const first = (await some.next()).value!;
    first.ack();
    const second = (await some.next()).value!;
    await expect(some.next()).rejects.toThrow(SampleError);
    expect(() => second.ack()).toThrow(LoaderClosedError);
    expect(failing.stateDict()).toMatchObject({ step: 1, ahead: [] });
  });

  it('need a map-style dataset whose batches are not lent', async () => {
    const lending = new DataLoader<number>(range(3), { reuseBuffers: true });
    expect(() => lending.leases({ inFlight: 1 })).toThrow(ConfigError);
    expect(() =>
      load({ length: 1, batchSize: 1, inFlight: 0, kind: 'sequential', seed: 0 }).leases({ inFlight: 0 }),
    ).toThrow(/inFlight/);
    const stream = new DataLoader<number>({
      iterate: async function* () {
        yield 1;
      },
    } as never);
    await expect(stream.leases({ inFlight: 1 }).next()).rejects.toThrow(CapabilityError);
  });
});
