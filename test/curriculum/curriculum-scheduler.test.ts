import fc from 'fast-check';
import { ConfigError, CurriculumScheduler } from 'millrace';
import { describe, expect, it } from 'vitest';
import { roundedRoot } from '../../dist/curriculum/rounded-root.js';
import golden from '../golden/curriculum.json' with { type: 'json' };

interface CurriculumCase {
  config: Record<string, unknown>;
  steps: [number, number];
  initial_difficulty?: number;
  update?: number[];
  get?: number[];
  state_after?: Record<string, unknown>;
  custom_rule?: { start: number; inc: number; every: number; cap: number };
  error?: { type: string; message: string };
}
const cases = golden.cases as unknown as CurriculumCase[];

function make({ config, custom_rule: rule }: CurriculumCase, parity: boolean): CurriculumScheduler {
  const scheduler = new CurriculumScheduler(config as never, { parity });
  if (rule) {
    scheduler.setCustomGetDifficulty((step) =>
      Math.min(rule.cap, rule.start + rule.inc * Math.floor(step / rule.every)),
    );
  }
  return scheduler;
}

describe('CurriculumScheduler with parity', () => {
  it.each(cases.filter(({ error }) => !error))(
    'gives the difficulties of DeepSpeed for $config',
    (recorded) => {
      const [first, last] = recorded.steps;
      const steps = Array.from({ length: last - first + 1 }, (_, i) => first + i);
      const scheduler = make(recorded, true);
      expect(scheduler.currentDifficulty).toBe(recorded.initial_difficulty);
      expect(steps.map((step) => scheduler.updateDifficulty(step))).toEqual(recorded.update);
      expect(scheduler.getState()).toEqual(recorded.state_after);
      const pure = make(recorded, true);
      if (recorded.get) expect(steps.map((step) => pure.getDifficulty(step))).toEqual(recorded.get);
    },
  );

  it.each(cases.filter(({ error }) => error))('refuses $config, as DeepSpeed does', (recorded) => {
    expect(() => make(recorded, true).updateDifficulty(1)).toThrow(ConfigError);
  });
});

const config = fc
  .record({
    min: fc.integer({ min: 0, max: 100 }),
    range: fc.integer({ min: 0, max: 500 }),
    total: fc.integer({ min: 1, max: 200 }),
    step: fc.integer({ min: 1, max: 40 }),
    degree: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ min, range, total, step, degree }) => ({
    min_difficulty: min,
    max_difficulty: min + range,
    schedule_type: 'fixed_root' as const,
    schedule_config: { total_curriculum_step: total, difficulty_step: step, root_degree: degree },
  }));

describe('CurriculumScheduler', () => {
  it('stays within its bounds, never falls, and is at the maximum from the last step of the schedule on', () => {
    fc.assert(
      fc.property(config, (settings) => {
        const scheduler = new CurriculumScheduler(settings);
        const { min_difficulty: min, max_difficulty: max, schedule_config: schedule } = settings;
        let before = min;
        for (let step = 1; step <= schedule.total_curriculum_step + 2; step++) {
          const difficulty = scheduler.updateDifficulty(step);
          expect(difficulty).toBeGreaterThanOrEqual(before);
          expect(difficulty).toBeLessThanOrEqual(max);
          if (step >= schedule.total_curriculum_step) expect(difficulty).toBe(max);
          before = difficulty;
        }
      }),
    );
  });

  it('continues from a state as if it had not stopped', () => {
    fc.assert(
      fc.property(config, fc.nat(100), (settings, stop) => {
        const whole = new CurriculumScheduler(settings);
        for (let step = 1; step <= stop; step++) whole.updateDifficulty(step);
        const resumed = new CurriculumScheduler(settings);
        resumed.setState(JSON.parse(JSON.stringify(whole.getState())));
        expect(resumed.currentDifficulty).toBe(whole.currentDifficulty);
        expect(resumed.updateDifficulty(stop + 1)).toBe(whole.updateDifficulty(stop + 1));
      }),
    );
  });

  it.each([
    [{ max_difficulty: 8, schedule_type: 'fixed_linear' }, 'min_difficulty'],
    [{ min_difficulty: 1, max_difficulty: 8, schedule_type: 'cosine' }, 'schedule_type'],
    [{ min_difficulty: 9, max_difficulty: 8, schedule_type: 'custom' }, 'min_difficulty'],
    [
      {
        min_difficulty: 1,
        max_difficulty: 8,
        schedule_type: 'fixed_linear',
        schedule_config: { total_curriculum_step: 3 },
      },
      'schedule_config.difficulty_step',
    ],
    [
      {
        min_difficulty: 1,
        max_difficulty: 8,
        schedule_type: 'fixed_linear',
        schedule_config: { total_curriculum_step: 3, difficulty_step: 0 },
      },
      'schedule_config.difficulty_step',
    ],
  ])('refuses %o, naming the field', (settings, field) => {
    const create = () => new CurriculumScheduler(settings as never);
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(field);
  });
});

describe('roundedRoot', () => {
  // python3 -c "for x, d in [(27.0, 3), (1e9, 3), …]: print(repr(x ** (1.0 / d)))"
  it('agrees with the power of a C library on perfect powers', () => {
    const powers = [
      [27, 3, 3],
      [1e9, 3, 999.9999999999997],
      [64, 3, 3.9999999999999996],
      [0.001, 3, 0.10000000000000002],
      [32, 5, 2],
      [0.125, 3, 0.5],
    ] as const;
    for (const [x, degree, root] of powers) {
      expect(roundedRoot(x, degree)).toBe(root);
    }
  });
});
