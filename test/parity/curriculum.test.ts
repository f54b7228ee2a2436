import { CurriculumScheduler } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { expect } from 'vitest';
import { type CustomRule, customDifficulty } from './custom-rule.js';
import { type RecordedError, testEveryCase } from './golden-file.js';

interface Case {
  readonly config: Record<string, unknown>;
  readonly steps: [number, number];
  readonly initial_difficulty?: number;
  readonly update?: number[];
  readonly get?: number[];
  readonly state_after?: Record<string, unknown>;
  readonly custom_rule?: CustomRule;
  readonly error?: RecordedError;
}

function make({ config, custom_rule: rule }: Case): CurriculumScheduler {
  const scheduler = new CurriculumScheduler(config as never, { parity: true });
  if (rule) scheduler.setCustomGetDifficulty(customDifficulty(rule));
  return scheduler;
}

testEveryCase<Case>('curriculum.json', 25, (golden) => {
  const [first, last] = golden.steps;
  const steps = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const update = (scheduler: CurriculumScheduler) => steps.map((step) => scheduler.updateDifficulty(step));
  if (golden.error) {
    expect(() => update(make(golden))).toThrow(ConfigError);
    return;
  }
  const scheduler = make(golden);
  expect(scheduler.currentDifficulty).toBe(golden.initial_difficulty);
  expect(update(scheduler)).toEqual(golden.update);
  expect(scheduler.getState()).toEqual(golden.state_after);
  const pure = make(golden);
  expect(steps.map((step) => pure.getDifficulty(step))).toEqual(golden.get);
});
