import { RandomLtdScheduler } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { expect } from 'vitest';
import type { RandomLtdConfig } from '../../dist/deepspeed/random-ltd-scheduler.js';
import { type RecordedError, testEveryCase } from './golden-file.js';

interface Case {
  readonly config: RandomLtdConfig;
  readonly steps: [number, number];
  readonly train_iters: number;
  readonly initial: number;
  readonly seq: number[];
  readonly consumed: (number | string)[];
  readonly state_dict: Record<string, number | string>;
  readonly total: number | string;
  readonly error?: RecordedError;
}

/** Counts past 2^53 - 1 are decimal strings in the file. */
const asRecorded = (count: number | bigint) => (typeof count === 'bigint' ? String(count) : count);

testEveryCase<Case>('random_ltd.json', 10, (golden) => {
  const create = () => new RandomLtdScheduler(golden.config, { parity: true });
  if (golden.error) {
    expect(create).toThrow(ConfigError);
    return;
  }
  const scheduler = create();
  expect(scheduler.getCurrentSeq()).toBe(golden.initial);
  const [first, last] = golden.steps;
  for (let step = first; step <= last; step++) {
    expect(scheduler.updateSeq(step), `step ${step}`).toBe(golden.seq[step - first]);
    expect(asRecorded(scheduler.consumedLayerTokens), `step ${step}`).toBe(golden.consumed[step - first]);
  }
  expect(scheduler.stateDict()).toEqual(golden.state_dict);
  expect(asRecorded(create().getTotalLayerTokens(golden.train_iters))).toBe(golden.total);
});
