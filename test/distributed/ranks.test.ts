// Ranks as processes of their own, which find each other's number through the launcher's variables, killed and started anew.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, type JsonObject } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../fixtures/rank.js', import.meta.url));
// The last batch has 4 samples: fewer than ranks would be padded with repeated ones.
const samples = 121;
const batchSize = 13;
const epochs = 2;

type Process = ChildProcessByStdio<Writable, Readable, null>;

interface Step {
  readonly samples: number[];
  readonly state: JsonObject;
}

/** Ranks that go step by step together, as training does. */
class Job {
  readonly #processes: readonly Process[];
  readonly #lines: readonly AsyncIterator<string>[];

  constructor(worldSize: number, order: string, state: JsonObject | undefined) {
    const job = JSON.stringify({ order, samples, batchSize, epochs, state });
    this.#processes = Array.from({ length: worldSize }, (_, rank) => {
      const launcher = { RANK: String(rank), WORLD_SIZE: String(worldSize), LOCAL_RANK: String(rank) };
      const env = { PATH: process.env.PATH, ...launcher, JOB: job };
      return spawn(process.execPath, [program], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    });
    this.#lines = this.#processes.map(({ stdout }) =>
      createInterface({ input: stdout })[Symbol.asyncIterator](),
    );
  }

  /** What every rank got; nothing after the last step. */
  async step(): Promise<Step[] | undefined> {
    const lines = await Promise.all(this.#lines.map((line) => line.next()));
    if (lines.every(({ done }) => done)) return undefined;
    return lines.map(({ value }) => JSON.parse(value) as Step);
  }

  go(): void {
    for (const { stdin } of this.#processes) stdin.write('\n');
  }

  async kill(): Promise<void> {
    const exits = this.#processes.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined));
    for (const child of this.#processes) child.kill('SIGKILL');
    await Promise.all(exits);
  }
}

/** The global batches of an uninterrupted run on one rank. */
async function wholeRun(order: string): Promise<number[][]> {
  const numbers = Array.from({ length: samples }, (_, i) => i);
  const schedule = { type: 'linear', totalSteps: 20, difficultyStep: 1 } as const;
  const range = { minDifficulty: 30, maxDifficulty: samples, schedule };
  const sampler = new CurriculumSampler(samples, {
    batchSize,
    metrics: { size: { index: numbers, ...range } },
  });
  const options = order === 'shuffle' ? { shuffle: true, seed: 7 } : { sampler };
  const loader = new DataLoader(new ArrayDataset(numbers), { batchSize, ...options });
  const batches: number[][] = [];
  while (loader.epoch < epochs) for await (const batch of loader) batches.push(Array.from(batch.data));
  return batches;
}

describe('four ranks, killed and started again as three', () => {
  it.each(['shuffle', 'curriculum'])('together see every sample of every step once: %s', async (order) => {
    const expected = await wholeRun(order);
    const [killedAt] = fc.sample(fc.integer({ min: 1, max: expected.length - 1 }), 1);
    const seen: number[][] = [];
    const first = new Job(4, order, undefined);
    let state: JsonObject | undefined;
    for (let step = 0; step < killedAt!; step++) {
      const ranks = await first.step();
      seen.push(ranks!.flatMap((rank) => rank.samples));
      // Whichever rank saves it, the state is good for all.
      state = ranks![step % 4]!.state;
      // At the last step some may continue, and die in the middle of the next one.
      first.go();
    }
    await first.kill();

    const second = new Job(3, order, state);
    for (let ranks = await second.step(); ranks; ranks = await second.step()) {
      seen.push(ranks.flatMap((rank) => rank.samples));
      second.go();
    }
    await second.kill();
    expect(seen, `killed at step ${killedAt}`).toEqual(expected);
  });
});
