import fc from 'fast-check';
import { CurriculumScheduler } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { roundedPower } from '../../dist/deepspeed/rounded-power.js';

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

  it.each([
    [0.1, 0.9, 0.1],
    [0.5, 4.2, 0.5],
    [0, 1, 0.01],
    [-1.5, 1.5, 0.25],
    [0.3, 2.7, 0.7],
  ])('goes from %d to %d by multiples of %d, as its docstring says', (min, max, unit) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.constantFrom(1, 2), (total, degree) => {
        const scheduler = new CurriculumScheduler({
          min_difficulty: min,
          max_difficulty: max,
          schedule_type: 'fixed_root',
          schedule_config: { total_curriculum_step: total, difficulty_step: unit, root_degree: degree },
        });
        let before = min;
        for (let step = 0; step <= total; step++) {
          const difficulty = scheduler.getDifficulty(step);
          const line = min + (max - min) * (step / total) ** (1 / degree);
          expect(difficulty).toBeGreaterThanOrEqual(before);
          before = difficulty;
          if (step === total) expect(difficulty).toBe(max);
          else if (difficulty === min) expect(line - min).toBeLessThan(unit + 1e-9);
          else {
            expect(difficulty).toBeCloseTo(Math.round(difficulty / unit) * unit, 9);
            expect(line - difficulty).toBeLessThan(unit + 1e-9);
            expect(difficulty).toBeLessThanOrEqual(line + 1e-9);
          }
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

describe('roundedPower', () => {
  // python3 -c "for x, d in [(27.0, 3), (1e9, 3), …]: print(repr(x ** (1.0 / d)))"
  it.each([
    [27, 3, 3],
    [1e9, 3, 999.9999999999997],
    [64, 3, 3.9999999999999996],
    [0.001, 3, 0.10000000000000002],
    [32, 5, 2],
    [0.125, 3, 0.5],
    [0.36, 2, 0.6],
    [0.3, 1.5, 0.4481404746557165],
    [0.7, 0.5, 0.48999999999999994],
    [0.2, 2.5, 0.5253055608807534],
    [0.01, 64, 0.930572040929699],
    [5e-324, 2, 2.2227587494850775e-162],
    [0.25, -2, 2],
    [1.75, 7, 1.0832276104551577],
  ])('%d ** (1 / %d) is %d, as in C', (base, degree, power) => {
    expect(roundedPower(base, 1 / degree)).toBe(power);
  });

  it('is the closest double, as the square root is by its standard, and as a cube is in whole numbers', () => {
    const positive = fc.double({ min: 5e-324, max: 1e150, noNaN: true });
    fc.assert(
      fc.property(positive, fc.integer({ min: 2, max: 2 ** 52 }), (x, whole) => {
        expect(roundedPower(x, 0.5)).toBe(Math.sqrt(x));
        expect(roundedPower(whole, 3)).toBe(Number(BigInt(whole) ** 3n));
      }),
      { numRuns: 1000 },
    );
  });
});
