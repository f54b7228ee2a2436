import { parseDeepSpeedConfig } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { recorded } from './originals.js';

const metric = {
  index_to_sample_path: 'a_index_to_sample',
  index_to_metric_path: 'a_index_to_metric',
  difficulty_type: 'value',
  clustering_type: 'schedule_based',
  min_difficulty: 2,
  max_difficulty: 10,
  schedule_type: 'fixed_linear',
  schedule_config: { total_curriculum_step: 8, difficulty_step: 2 },
};

function withMetric(changes: object, outer: object = {}): object {
  return {
    train_batch_size: 4,
    data_efficiency: {
      enabled: true,
      data_sampling: {
        enabled: true,
        curriculum_learning: {
          enabled: true,
          curriculum_metrics: { a: { ...metric, ...changes } },
          ...outer,
        },
      },
    },
  };
}

describe('the three batch sizes of parseDeepSpeedConfig', () => {
  it.each([
    [{ train_batch_size: 16, train_micro_batch_size_per_gpu: 2, gradient_accumulation_steps: 2 }, [16, 2, 2]],
    [{ train_batch_size: 16, train_micro_batch_size_per_gpu: 2 }, [16, 2, 2]],
    [{ train_batch_size: 16, gradient_accumulation_steps: 4 }, [16, 1, 4]],
    [{ train_micro_batch_size_per_gpu: 3, gradient_accumulation_steps: 2 }, [24, 3, 2]],
    [{ train_batch_size: 16 }, [16, 4, 1]],
    [{ train_micro_batch_size_per_gpu: 3 }, [12, 3, 1]],
    [{ train_batch_size: null, train_micro_batch_size_per_gpu: 3 }, [12, 3, 1]],
  ])('fills in %j for 4 ranks', (json, [train, micro, steps]) => {
    expect(parseDeepSpeedConfig(json, { worldSize: 4 })).toMatchObject({
      trainBatchSize: train,
      trainMicroBatchSizePerGpu: micro,
      gradientAccumulationSteps: steps,
    });
  });

  it.each([
    [{}, /either train_batch_size or train_micro_batch_size_per_gpu/],
    [{ gradient_accumulation_steps: 2 }, /either train_batch_size or train_micro_batch_size_per_gpu/],
    [{ train_batch_size: 18 }, /18 != 4 \* 1 \* 4/],
    [{ train_batch_size: 16, train_micro_batch_size_per_gpu: 3 }, /16 != 3 \* 1 \* 4/],
    [
      { train_batch_size: 16, train_micro_batch_size_per_gpu: 2, gradient_accumulation_steps: 3 },
      /16 != 2 \* 3 \* 4/,
    ],
    [
      { train_batch_size: 0, train_micro_batch_size_per_gpu: 2 },
      /train_batch_size: 0 must be greater than 0/,
    ],
    [{ train_batch_size: 2 }, /train_micro_batch_size_per_gpu: 0, derived/],
    [
      { train_batch_size: 8, train_micro_batch_size_per_gpu: 0 },
      /train_micro_batch_size_per_gpu: 0 must be greater/,
    ],
    [{ train_batch_size: 8, gradient_accumulation_steps: -1 }, /must be greater than 0/],
    [{ train_batch_size: 8.5 }, /train_batch_size: must be an integer/],
    [{ train_batch_size: '8' }, /train_batch_size: must be a number/],
  ])('refuses %j for 4 ranks and says why', (json, message) => {
    expect(() => parseDeepSpeedConfig(json, { worldSize: 4 })).toThrow(message);
  });

  it('counts data-parallel ranks only', () => {
    const json = { train_micro_batch_size_per_gpu: 2, sequence_parallel_size: 4 };
    expect(parseDeepSpeedConfig(json, { worldSize: 8 })).toMatchObject({
      dataParallelWorldSize: 2,
      trainBatchSize: 4,
    });
    expect(() => parseDeepSpeedConfig(json, { worldSize: 6 })).toThrow(
      /sequence_parallel_size.*does not divide/,
    );
  });
});

describe('parseDeepSpeedConfig', () => {
  it('fills in what DeepSpeed assumes', () => {
    expect(parseDeepSpeedConfig({ train_batch_size: 1 })).toMatchObject({
      dataloaderDropLast: false,
      stepsPerPrint: null,
      timers: { throughput: { enabled: true, synchronized: true } },
      dataEfficiency: {
        enabled: false,
        seed: 1234,
        data_sampling: {
          num_epochs: 1000,
          num_workers: 0,
          curriculum_learning: { enabled: false },
          dynamic_batching: { enabled: false, lr_scaling_method: 'linear' },
        },
        data_routing: { random_ltd: { enabled: false } },
      },
    });
  });

  it('reads JSON text, and accepts the sections that are about other things', () => {
    const json = JSON.stringify({
      train_batch_size: 8,
      optimizer: { type: 'AdamW', params: { lr: 1e-4 } },
      fp16: { enabled: true },
      zero_optimization: { stage: 3 },
      steps_per_print: 50,
      dataloader_drop_last: true,
    });
    expect(parseDeepSpeedConfig(json)).toMatchObject({ stepsPerPrint: 50, dataloaderDropLast: true });
  });

  it('does not write to its input', () => {
    const json = withMetric({});
    const before = structuredClone(json);
    parseDeepSpeedConfig(Object.freeze(json));
    expect(json).toEqual(before);
  });

  it.each([
    [{ train_batch_sise: 4, train_batch_size: 4 }, 'train_batch_sise', /did you mean train_batch_size\?/],
    [
      { train_batch_size: 4, zero_optimizations: {} },
      'zero_optimizations',
      /did you mean zero_optimization\?/,
    ],
    [
      { train_batch_size: 4, data_efficiency: { data_sampling: { num_epoch: 3 } } },
      'data_efficiency.data_sampling.num_epoch',
      /did you mean num_epochs\?/,
    ],
    [
      withMetric({ min_dificulty: 3 }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.min_dificulty',
      /did you mean min_difficulty\?/,
    ],
    [
      withMetric({ difficulty_type: 'rank' }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.difficulty_type',
      /must be 'value' or 'percentile'/,
    ],
    [
      withMetric({ max_difficulty: undefined }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.max_difficulty',
      /must be a number|is missing/,
    ],
    [
      withMetric({ schedule_config: { total_curriculum_step: 8 } }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.schedule_config.difficulty_step',
      /is missing/,
    ],
    [
      withMetric({
        schedule_type: 'fixed_discrete',
        schedule_config: { difficulty: [1, 2], max_step: [4, 8] },
      }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.schedule_config.difficulty',
      /one difficulty more/,
    ],
    [
      withMetric({ index_to_metric_path: undefined }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics.a.index_to_metric_path',
      /is missing/,
    ],
    [
      withMetric({}, { curriculum_metrics: {} }),
      'data_efficiency.data_sampling.curriculum_learning.curriculum_metrics',
      /at least one metric/,
    ],
    [
      {
        train_batch_size: 4,
        data_efficiency: { data_routing: { random_ltd: { layer_token_lr_schedule: { enabled: true } } } },
      },
      'data_efficiency.data_routing.random_ltd.layer_token_lr_schedule.enabled',
      /not supported/,
    ],
    [
      { train_batch_size: 4, timers: { throughput: { enabled: 1 } } },
      'timers.throughput.enabled',
      /true or false/,
    ],
  ])('names the JSON path of what is wrong in %j', (json, field, message) => {
    expect(() => parseDeepSpeedConfig(json)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field }),
    );
    expect(() => parseDeepSpeedConfig(json)).toThrow(message);
  });

  it('refuses text that is not JSON', () => {
    expect(() => parseDeepSpeedConfig('ds_config.json')).toThrow(/is not JSON/);
  });

  it('reads comments, trailing commas and bare keys, as DeepSpeed does', () => {
    const text = `{
      # of one GPU
      train_micro_batch_size_per_gpu: 4,
      "data_efficiency": {
        "seed": 7, // fixes the order
        /* off for now */ "enabled": false,
      },
    }`;
    const config = parseDeepSpeedConfig(text);
    expect([config.trainBatchSize, config.dataEfficiency.seed]).toEqual([4, 7]);
    expect(() => parseDeepSpeedConfig('{train_batch_size: 4\n# more\ntrain_batch_size: 8}')).toThrow(
      /train_batch_size: occurs twice/,
    );
    expect(() => parseDeepSpeedConfig('{train_batch_size: four\n}')).toThrow(
      /train_batch_size: must be a number/,
    );
  });

  it('reads URL-safe base64, padded or not', () => {
    const text = '{"train_batch_size": 4, "optimizer": {"type": "Adam?>"}}';
    const encoded = Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    for (const given of [encoded, encoded.replaceAll('=', '')]) {
      expect(parseDeepSpeedConfig(given).trainBatchSize).toBe(4);
    }
    expect(() => parseDeepSpeedConfig('bm90IGEgY29uZmln')).toThrow(/is not JSON/);
  });

  it.each([['[1]'], ['4'], [''], ['{"a": 1']])('refuses %j', (text) => {
    expect(() => parseDeepSpeedConfig(text)).toThrow(ConfigError);
  });

  it('refuses a key that comes twice in one object, and only then', () => {
    const text = '{"train_batch_size": 4, "timers": {"throughput": {"enabled": true, "enabled": false}}}';
    expect(() => parseDeepSpeedConfig(text)).toThrow(
      expect.objectContaining({ field: 'timers.throughput.enabled' }),
    );
    const fine =
      '{"train_batch_size": 4, "optimizer": {"a": ["a", "a", {"a": "\\"a"}], "b": {"a": 1}}, "amp": {"a": 1}}';
    expect(parseDeepSpeedConfig(fine).trainBatchSize).toBe(4);
  });

  it('needs all three switches for curriculum learning, and the innermost alone with parity', () => {
    const json = withMetric({}, { data_cluster_path: 'clusters' }) as {
      data_efficiency: { enabled: boolean };
    };
    const off = { ...json, data_efficiency: { ...json.data_efficiency, enabled: false } };
    const enabled = (source: object, parity: boolean): boolean =>
      parseDeepSpeedConfig(source, { parity }).dataEfficiency.data_sampling.curriculum_learning.enabled;
    expect([enabled(json, false), enabled(off, false), enabled(off, true)]).toEqual([true, false, true]);
  });
});

describe('the keys of parseDeepSpeedConfig', () => {
  it.each(recorded<string>('config-keys.json'))('knows %s', (key) => {
    // Its value may be wrong; the key itself must not be.
    let message = '';
    try {
      parseDeepSpeedConfig({ train_batch_size: 4, [key]: null });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).not.toMatch(/unknown/);
  });

  it('counts ranks of a tensor-parallel group once, and refuses a mesh of another size than the run', () => {
    const json = { train_micro_batch_size_per_gpu: 2, tensor_parallel: { autotp_size: 2 } };
    expect(parseDeepSpeedConfig(json, { worldSize: 8 })).toMatchObject({
      dataParallelWorldSize: 4,
      tensorParallelSize: 2,
      trainBatchSize: 8,
    });
    expect(() => parseDeepSpeedConfig(json, { worldSize: 5 })).toThrow(/tensor_parallel\.autotp_size: is 2/);
    const mesh = { train_batch_size: 8, data_parallel_size: 2, sequence_parallel_size: 2 };
    expect(parseDeepSpeedConfig(mesh, { worldSize: 4 }).dataParallelWorldSize).toBe(2);
    expect(() => parseDeepSpeedConfig(mesh, { worldSize: 8 })).toThrow(/data_parallel_size.*2 · 2.*8/);
  });
});

describe('"auto" in a configuration', () => {
  const json = {
    train_batch_size: 'auto',
    train_micro_batch_size_per_gpu: 'auto',
    gradient_accumulation_steps: 'auto',
    gradient_clipping: 'auto',
    zero_optimization: { stage3_prefetch_bucket_size: 'auto' },
    data_efficiency: { seed: 'auto' },
  };

  it('says who fills each key in', () => {
    expect(() => parseDeepSpeedConfig(json)).toThrow(
      /train_micro_batch_size_per_gpu: is "auto", which Hugging Face's Trainer with per_device_train_batch_size.*gradient_accumulation_steps: is "auto".*data_efficiency\.seed: is "auto"/,
    );
    expect(() => parseDeepSpeedConfig({ train_batch_size: 'auto' })).toThrow(/train_batch_size: is "auto"/);
  });

  it('takes values passed beside the file, and derives the train batch size from the other two', () => {
    const auto = {
      train_micro_batch_size_per_gpu: 4,
      gradient_accumulation_steps: 2,
      'data_efficiency.seed': 7,
    };
    const config = parseDeepSpeedConfig(json, { worldSize: 3, auto });
    expect(config).toMatchObject({ trainBatchSize: 24, gradientAccumulationSteps: 2 });
    expect(config.dataEfficiency.seed).toBe(7);
    expect(() =>
      parseDeepSpeedConfig(json, { worldSize: 3, auto: { ...auto, train_batch_size: 25 } }),
    ).toThrow(/25 != 4 \* 2 \* 3/);
  });

  it('refuses a value for a key that does not say "auto"', () => {
    expect(() => parseDeepSpeedConfig({ train_batch_size: 8 }, { auto: { train_batch_size: 4 } })).toThrow(
      /train_batch_size: has a value in auto/,
    );
  });
});
