// Batches of variable size in one call, against vectors of DeepSpeed's function for it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArrayDataset, tensor } from 'millrace';
import { openConfig } from 'millrace/config';
import {
  deepspeedIo,
  parseDeepSpeedConfig,
  VariableBatchSampler,
  variableBatchSize,
} from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { TokenWindows } from 'millrace/tokens';
import { afterAll, describe, expect, it } from 'vitest';
import { recorded } from './originals.js';

interface Golden {
  readonly world: number;
  readonly config: {
    readonly data_efficiency: {
      readonly data_sampling: { readonly dynamic_batching: Record<string, unknown> };
    };
  };
  readonly pipeline: boolean;
  readonly lengths: readonly number[];
  /** Whether DeepSpeed read the lengths from the files of an analysis. */
  readonly fromFiles: boolean;
  readonly ranks: readonly {
    /** Each sample of each batch: its index, and its length after padding. */
    readonly batches: readonly (readonly (readonly [number, number])[])[];
    readonly rates: readonly (readonly number[])[];
  }[];
}

const cases = recorded<Golden>('variable-batches.json');
const metrics = fileURLToPath(new URL('../golden/deepspeed/metrics', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'millrace-variable-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Sample = readonly number[];

function samplesOf(lengths: readonly number[]) {
  return new ArrayDataset(lengths.map((length, index) => new Array<number>(length).fill(index) as Sample));
}

function withBatching(config: Golden['config'], changes: object): object {
  const { data_efficiency } = config;
  const { data_sampling } = data_efficiency;
  const dynamic_batching = { ...data_sampling.dynamic_batching, ...changes };
  return {
    ...config,
    data_efficiency: { ...data_efficiency, data_sampling: { ...data_sampling, dynamic_batching } },
  };
}

const pad = (sample: Sample, length: number): Sample => [
  ...sample,
  ...new Array<number>(length - sample.length).fill(-1),
];

const shown = (batch: readonly Sample[]) => batch.map((sample) => [sample[0], sample.length]);

async function all<B>(loader: AsyncIterable<B>): Promise<B[]> {
  const batches: B[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

describe('variableBatchSize', () => {
  it.each(cases)('makes the batches and rates of DeepSpeed, case %#', async (golden) => {
    const { world, config, pipeline, lengths, fromFiles, ranks } = golden;
    for (const [rank, expected] of ranks.entries()) {
      const optimizer = { paramGroups: [{ lr: 0.1 }, { lr: 0.02 }] };
      const { loader, lrScheduler } = await variableBatchSize<Sample>(
        withBatching(config, { metrics_path: metrics }),
        samplesOf(lengths),
        {
          rank,
          worldSize: world,
          pipeline,
          optimizer,
          ...(!fromFiles && { datasetSeqlens: lengths }),
          ...(pipeline && { samplePaddingFn: pad }),
          parity: true,
        },
      );
      const found: { batches: unknown[]; rates: unknown[] } = { batches: [], rates: [] };
      for await (const batch of loader) {
        found.batches.push(shown(batch));
        found.rates.push(optimizer.paramGroups.map(({ lr }) => lr));
        lrScheduler!.step();
      }
      expect(found).toEqual(expected);
    }
  });

  it('collates, continues from a state, and pads alike in both epochs', async () => {
    const { config, lengths } = cases[4]!;
    const open = async () => {
      const { loader } = await variableBatchSize<Sample, string>(config, samplesOf(lengths), {
        rank: 0,
        worldSize: 2,
        datasetSeqlens: lengths,
        samplePaddingFn: pad,
        collateFn: (samples) => samples.map((sample) => `${sample[0]}x${sample.length}`).join(' '),
      });
      return loader;
    };
    const whole = await open();
    const expected = await all(whole);
    expect(await all(whole)).toEqual(expected);
    const before = await open();
    for (let k = 0; k < 3; k++) await before.next();
    const after = await open();
    after.loadStateDict(JSON.parse(JSON.stringify(before.stateDict())));
    expect(await all(after)).toEqual(expected.slice(3));
    expect(expected.length).toBeGreaterThan(4);
  });

  it('measures the samples where nothing knows their lengths, and keeps what one process measured', async () => {
    const { config, lengths } = cases[0]!;
    const metrics_path = join(folder, 'measured');
    let calls = 0;
    const options = {
      parity: true,
      worldSize: 1,
      batchSeqlensFn: (samples: readonly Sample[]) => {
        calls += 1;
        return samples.map(({ length }) => length);
      },
    };
    const open = async () => {
      const { loader } = await variableBatchSize<Sample>(
        withBatching(config, { metrics_path }),
        samplesOf(lengths),
        options,
      );
      return (await all(loader)).map(shown);
    };
    expect(await open()).toEqual(cases[0]!.ranks[0]!.batches);
    expect(calls).toBe(1);
    expect(await open()).toEqual(cases[0]!.ranks[0]!.batches);
    expect(calls).toBe(1);
    const shared = await variableBatchSize<Sample>(cases[1]!.config, samplesOf(lengths), {
      ...options,
      rank: 1,
      worldSize: 2,
    });
    expect((await all(shared.loader)).map(shown)).toEqual(cases[1]!.ranks[1]!.batches);
  });

  it('refuses a configuration without it, lengths of another dataset, and samples that are too long', async () => {
    const { config, lengths } = cases[0]!;
    const dataset = samplesOf(lengths);
    await expect(variableBatchSize({ train_batch_size: 2 }, dataset)).rejects.toThrow(
      /dynamic_batching\.enabled: is false/,
    );
    await expect(variableBatchSize(config, dataset)).rejects.toThrow(/needs the length of each sample/);
    await expect(variableBatchSize(config, dataset, { datasetSeqlens: [1, 2] })).rejects.toThrow(
      /datasetSeqlens: has 2 lengths for 60 samples/,
    );
    const { loader } = await variableBatchSize(config, dataset, {
      datasetSeqlens: lengths.map((length) => Math.max(1, length - 5)),
      samplePaddingFn: pad,
    });
    await expect(all(loader)).rejects.toThrow(/tokens, and its batch was packed for at most/);
  });
});

describe('dynamic_batching.enabled', () => {
  const config = cases[0]!.config;

  it('makes batches of variable size in deepspeedIo; with parity, as in DeepSpeed, it has no effect there', async () => {
    const dataset = samplesOf(cases[0]!.lengths);
    const options = {
      datasetSeqlens: cases[0]!.lengths,
      collateFn: (samples: readonly Sample[]) => samples,
    };
    const loader = deepspeedIo(config, dataset, options);
    expect(loader.dataSampler).toBeInstanceOf(VariableBatchSampler);
    const batches = await all(loader);
    expect(Math.max(...batches.map((batch) => batch.flat().length))).toBeLessThanOrEqual(2 * 60);
    const { leftOut } = (loader.dataSampler as VariableBatchSampler).packing;
    const seen = batches.flatMap((batch) => batch.map(([index]) => index!));
    expect([...seen, ...leftOut].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, k) => k));
    const original = deepspeedIo(config, dataset, { ...options, parity: true });
    expect(original.dataSampler).not.toBeInstanceOf(VariableBatchSampler);
    const evaluation = deepspeedIo(config, dataset, { ...options, route: 'eval' });
    expect((await all(evaluation)).map((batch) => batch.length)).toEqual(new Array(30).fill(2));
  });

  it('takes the lengths that a dataset knows', () => {
    const windows = new TokenWindows(tensor(new Int32Array(300)), { length: 20 });
    const loader = deepspeedIo(config, windows as never);
    expect((loader.dataSampler as VariableBatchSampler).packing.batchMaxSeqlens).toEqual([20]);
  });

  it('excludes curriculum learning', () => {
    const both = structuredClone(config) as unknown as {
      data_efficiency: { data_sampling: Record<string, unknown> };
    };
    both.data_efficiency.data_sampling.curriculum_learning = {
      enabled: true,
      curriculum_metrics: {
        a: {
          difficulty_type: 'value',
          clustering_type: 'single_cluster',
          min_difficulty: 1,
          max_difficulty: 2,
          schedule_type: 'fixed_linear',
          schedule_config: { total_curriculum_step: 2, difficulty_step: 1 },
        },
      },
    };
    const open = () => deepspeedIo(both, samplesOf([1, 2]), { datasetSeqlens: [1, 2] });
    expect(open).toThrow(ConfigError);
    expect(open).toThrow(/dynamic_batching: cannot be enabled together with curriculum_learning/);
  });

  it('has effect in openConfig', async () => {
    const path = join(folder, 'ds_config.json');
    writeFileSync(path, JSON.stringify(withBatching(config, { metrics_path: metrics })));
    const opened = await openConfig(path);
    const sampler = opened.sampler as VariableBatchSampler;
    const batches = await all(opened.loader as AsyncIterable<readonly number[]>);
    expect(batches).toEqual(Array.from(sampler));
    expect(opened.dataset.length).toBe(60);
    expect(parseDeepSpeedConfig(config).trainMicroBatchSizePerGpu).toBe(2);
    await opened.close();
  });
});
