import { readFileSync } from 'node:fs';
import { parseDeepSpeedConfig } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';

interface Elastic {
  readonly section: object;
  readonly worldSize: number;
  /** Train batch, micro-batch and accumulation; null where DeepSpeed raises an error. */
  readonly sizes: readonly [number, number, number] | null;
}

// Made by DeepSpeed's own compute_elastic_config at commit edaa722, over random sections and world sizes.
const cases: readonly Elastic[] = JSON.parse(
  readFileSync(new URL('./elasticity.json', import.meta.url), 'utf8'),
);

const section = {
  enabled: true,
  max_train_batch_size: 2000,
  micro_batch_sizes: [2, 4, 6],
  min_gpus: 1,
  max_gpus: 10000,
  version: 0.1,
};

describe('elasticity', () => {
  it('gives the sizes that DeepSpeed gives, or an error where it raises one', () => {
    for (const { section, worldSize, sizes } of cases) {
      const parse = () => parseDeepSpeedConfig({ elasticity: section }, { worldSize });
      const subject = JSON.stringify({ section, worldSize });
      if (!sizes) {
        expect(parse, subject).toThrow(ConfigError);
        continue;
      }
      const { trainBatchSize, trainMicroBatchSizePerGpu, gradientAccumulationSteps } = parse();
      expect([trainBatchSize, trainMicroBatchSizePerGpu, gradientAccumulationSteps], subject).toEqual(sizes);
    }
  });

  it('refuses sizes that would have no effect, unless they are to be ignored', () => {
    const parse = (more: object) =>
      parseDeepSpeedConfig({ train_batch_size: 8, elasticity: { ...section, ...more } }, { worldSize: 8 });
    expect(() => parse({})).toThrow(/train_batch_size.*elasticity\.ignore_non_elastic_batch_info/);
    expect(parse({ ignore_non_elastic_batch_info: true }).trainBatchSize).toBe(1680);
    expect(parse({ enabled: false }).trainBatchSize).toBe(8);
  });

  it('names the world sizes that would do, and the key that is missing or unknown', () => {
    const parse = (elasticity: object) => parseDeepSpeedConfig({ elasticity }, { worldSize: 11 });
    expect(() => parse(section)).toThrow(
      /1680 cannot be used with a world size of 11; possible world sizes: 1, 2, 3, 4, 5, 6/,
    );
    expect(() => parse({ enabled: true })).toThrow(/max_train_batch_size.*micro_batch_sizes/s);
    expect(() => parse({ ...section, micro_batch_size: 2 })).toThrow(/elasticity\.micro_batch_size/);
  });
});

describe('the older curriculum_learning', () => {
  it('is refused by name when it is enabled', () => {
    const parse = (enabled: boolean) =>
      parseDeepSpeedConfig({
        train_batch_size: 8,
        curriculum_learning: { enabled, curriculum_type: 'seqlen' },
      });
    expect(() => parse(true)).toThrow(/curriculum_learning: is enabled.*data_efficiency/s);
    expect(parse(false).trainBatchSize).toBe(8);
  });
});
