// Real processes are killed around an amendment, each at another step, and continue from their states.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ArrayDataset, ConcatDataset, DataLoader, type LoaderState, MixtureDataset } from 'millrace';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { Dice } from '../simulator/virtual-clock.js';

const program = fileURLToPath(new URL('../fixtures/amended-rank.js', import.meta.url));
const worldSize = 4;
const epochs = 2;
/** The step of the amendment. */
const at = 5;

interface Line {
  readonly samples: number[];
  readonly state: LoaderState;
}

/** A process of one rank. */
class Rank {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<unknown>;

  constructor(rank: number, state: LoaderState | undefined) {
    const job = { rank, worldSize, numWorkers: rank % 2, at, epochs, state };
    this.#process = spawn(process.execPath, [program, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#process.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
    this.ended = once(this.#process, 'exit');
  }

  /** What the rank got next; `undefined` after its last batch, or once it was killed. */
  async next(): Promise<Line | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : (JSON.parse(value) as Line);
  }

  goOn(): void {
    this.#process.stdin!.write('\n');
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

/**
 * Runs all ranks step by step, and kills each of them in one of the steps around the amendment: before it asks for that batch, while it may
 * be making it, or when it has it. Then they continue, each from its last state.
 */
async function trainAndKill(dice: Dice): Promise<number[][][]> {
  const seen: Line[][] = Array.from({ length: worldSize }, () => []);
  const stops = seen.map(() => ({ step: at + dice.integer(-2, 2), gets: dice.chance(0.5) }));
  await Promise.all(
    seen.map(async (lines, rank) => {
      const own = new Rank(rank, undefined);
      const { step, gets } = stops[rank]!;
      while (lines.length < step) {
        const line = await own.next();
        if (!line) throw new Error(`Rank ${rank} ended before it was killed`);
        lines.push(line);
        if (lines.length < step || gets) own.goOn();
      }
      own.kill();
      await own.ended;
    }),
  );
  await Promise.all(
    seen.map(async (lines, rank) => {
      const own = new Rank(rank, lines.at(-1)!.state);
      for (let line = await own.next(); line; line = await own.next()) {
        lines.push(line);
        own.goOn();
      }
      expect(await own.ended).toEqual([0, null]);
    }),
  );
  return seen.map((lines) => lines.map(({ samples }) => samples));
}

/** The same run in this process, in one piece. */
async function train(): Promise<number[][][]> {
  const numbers = (first: number, length: number) =>
    new ArrayDataset(Array.from({ length }, (_, i) => first + i));
  const [web, code, more] = [numbers(0, 90), numbers(1000, 40), numbers(1040, 30)];
  const ranks = Array.from({ length: worldSize }, async (_, rank) => {
    const mixture = new MixtureDataset([web, code], { weights: [1, 1], seed: 9 });
    const loader = new DataLoader(mixture, { batchSize: 8, rank, worldSize });
    await loader.amend({
      at,
      weights: [1, 3],
      batchSize: 12,
      sources: [web, new ConcatDataset([code, more])],
    });
    const batches: number[][] = [];
    while (loader.epoch < epochs) for await (const { data } of loader) batches.push([...data]);
    return batches;
  });
  return Promise.all(ranks);
}

describe('four processes', () => {
  it('that are killed before and after an amendment get the batches of a run that was not killed', async () => {
    const expected = await train();
    const first = Math.floor(Math.random() * 2 ** 31);
    const runs = searchSize({ short: 1, long: 25 });
    for (let run = 0; run < runs; run++)
      expect(await trainAndKill(new Dice(first + run)), `seed ${first + run}`).toEqual(expected);
  });
});
