// A run whose sequences grow, as `millrace plan` and `millrace replay` show it.
import type { Tensor } from 'millrace';
import type { openConfig } from 'millrace/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRun } from '../../../dist/cli/plan/open-run.js';
import { factsOf } from '../../../dist/cli/plan/plan-facts.js';
import { renderSightings, renderStep } from '../../../dist/cli/plan/render-step.js';
import { RunOrder } from '../../../dist/cli/plan/run-order.js';
import { planRun } from '../../../dist/cli/plan/run-plan.js';
import { replaySample } from '../../../dist/cli/replay/replay-sample.js';
import { ConfigFolder } from '../../config/folder.js';

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens('tokens', [100, 29]);
});
afterAll(() => folder.remove());

const look = { paint: (_style: string, text: string) => text, width: 100 } as never;
const schedule = { type: 'discrete', difficulties: [4, 8, 16], lastSteps: [2, 5] };
const config = {
  data: 'tokens',
  windows: { length: 16 },
  lengthWarmup: { minLength: 4, schedule },
  loader: { batchSize: 2, shuffle: true },
  training: { epochs: 2 },
};

async function withRun<R>(
  json: object,
  options: object,
  use: (run: RunOrder, opened: Awaited<ReturnType<typeof openConfig>>) => Promise<R>,
): Promise<R> {
  const { opened, openForRank } = await openRun(folder.json('grow.json', json), options);
  try {
    return await use(new RunOrder(opened, openForRank), opened);
  } finally {
    await opened.close();
  }
}

describe('a length warm-up in a configuration', () => {
  it('is followed by the loader, and shown by plan: lengths, tokens of the run, the length of a step and of a sighting', async () => {
    await withRun(config, {}, async (order, opened) => {
      const plan = await planRun(opened, order, { name: 'grow' });
      const widths: number[] = [];
      for (let epoch = 0; epoch < 2; epoch++)
        for await (const { x } of opened.loader as AsyncIterable<{ x: Tensor }>) widths.push(x.shape[1]!);
      expect(widths).toEqual([4, 4, 8, 8, 8, 16, 16, 16]);
      expect(plan.tokens).toEqual({ run: 2 * widths.reduce((sum, width) => sum + width, 0), isExact: true });
      expect(factsOf(plan)).toContainEqual({
        name: 'length',
        value: '4 tokens at step 0, 16 from step 5 on; longer sequences are truncated',
      });
      const step = await order.stepAt(3);
      expect(step.length).toBe(8);
      expect(renderStep(step, look)).toMatch(/^Global step 3: epoch 0, step 3, sequences of 8 tokens\n/);
      const sightings = await order.whenSeen(1, 8);
      const table = renderSightings('1', 8, sightings, order, look);
      expect(table).toMatch(/slot\s+tokens/);
      for (const { epoch, step } of sightings)
        expect(table).toMatch(
          new RegExp(`^\\s*${4 * epoch + step} .* ${widths[4 * epoch + step]}\\s*$`, 'm'),
        );
    });
  });

  it('is replayed at the length of its step', async () => {
    await withRun(config, {}, async (order, opened) => {
      for (const [step, length] of [
        [1, 4],
        [3, 8],
        [6, 16],
      ] as const) {
        const { stages } = await replaySample(opened, await order.stepAt(step), {
          rank: 0,
          microBatch: 0,
          slot: 1,
        });
        const values = stages.map(({ value }) => value as { x: Tensor });
        expect(values.at(-1)!.x.shape).toEqual([length]);
        expect([...(values.at(-1)!.x.data as Int32Array)]).toEqual([
          ...(values.at(-2)!.x.data as Int32Array),
        ]);
      }
    });
  });

  it('has no step without one', async () => {
    const { lengthWarmup: _, ...whole } = config;
    await withRun(whole, {}, async (order, opened) => {
      expect((await order.stepAt(0)).length).toBeUndefined();
      expect(factsOf(await planRun(opened, order, { name: 'whole' })).map(({ name }) => name)).not.toContain(
        'length',
      );
    });
  });
});

describe('curriculum_learning of a DeepSpeed configuration', () => {
  it('is shown by plan', async () => {
    const json = {
      train_batch_size: 2,
      curriculum_learning: {
        enabled: true,
        curriculum_type: 'seqlen',
        min_difficulty: 8,
        max_difficulty: 64,
        schedule_type: 'fixed_linear',
        schedule_config: { total_curriculum_step: 14, difficulty_step: 8 },
      },
    };
    await withRun(json, { samples: 40 }, async (order, opened) => {
      expect((await order.stepAt(13)).length).toBe(64);
      expect(factsOf(await planRun(opened, order, { name: 'ds' }))).toContainEqual({
        name: 'length',
        value: '8 tokens at step 0, 64 from step 13 on; longer sequences are truncated',
      });
    });
  });
});
