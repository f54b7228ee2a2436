import { readFileSync } from 'node:fs';
import { parseDeepSpeedConfig } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it, vi } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { recorded } from './originals.js';

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

interface Recorded {
  readonly section: object;
  readonly given: object;
  /** World size → train batch, micro-batch and accumulation. */
  readonly sizes: Readonly<Record<number, readonly [number, number, number]>>;
  /** Exception → the ranges of world sizes that raise it. */
  readonly errors: Readonly<Record<string, readonly (readonly [number, number])[]>>;
}

function countOf(errors: Recorded['errors']): number {
  return Object.values(errors)
    .flat()
    .reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

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

  // Made by DeepSpeed's own configuration class for all world sizes from 1 to 1,024, section by section.
  it.each(recorded<Recorded>('elasticity.json'))(
    'follows DeepSpeed for every world size, section %#',
    ({ section, given, sizes, errors }) => {
      // Both ends of each range that does not fit; and of those that fit all in a long run, else a part.
      const ends = Object.values(errors).flat(2);
      const fitting = Object.keys(sizes).map(Number);
      expect(fitting.length + countOf(errors)).toBe(1024);
      const stride = Math.ceil(fitting.length / searchSize({ short: 60, long: 1024 }));
      for (const worldSize of new Set([...fitting.filter((_, k) => k % stride === 0), ...ends])) {
        const parse = () => parseDeepSpeedConfig({ ...given, elasticity: section }, { worldSize });
        const expected = sizes[worldSize];
        if (!expected) {
          expect(parse, `world size ${worldSize}`).toThrow(ConfigError);
          continue;
        }
        const { trainBatchSize, trainMicroBatchSizePerGpu, gradientAccumulationSteps } = parse();
        expect([trainBatchSize, trainMicroBatchSizePerGpu, gradientAccumulationSteps]).toEqual(expected);
      }
    },
  );

  it('names the error that DeepSpeed raises for a world size that does not fit', () => {
    expect(() => parseDeepSpeedConfig({ elasticity: section }, { worldSize: 11 })).toThrow(
      expect.objectContaining({ where: { original: 'ElasticityIncompatibleWorldSize', worldSize: 11 } }),
    );
  });

  it("refuses another section than the resource scheduler's", () => {
    const parse = (scheduled: string) => {
      vi.stubEnv('DEEPSPEED_ELASTICITY_CONFIG', scheduled);
      try {
        return parseDeepSpeedConfig({ elasticity: section }, { worldSize: 8 }).trainBatchSize;
      } finally {
        vi.unstubAllEnvs();
      }
    };
    expect(parse(JSON.stringify(section))).toBe(1680);
    expect(() => parse(JSON.stringify({ ...section, max_train_batch_size: 1000, version: 0.2 }))).toThrow(
      /max_train_batch_size: is 2000.*is 1000; elasticity\.version: is 0\.1.*is 0\.2/,
    );
    expect(() => parse('{')).toThrow(/DEEPSPEED_ELASTICITY_CONFIG: is not JSON/);
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
