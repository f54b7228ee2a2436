import { type LrScalingMethod, scaleLr } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { goldenCases } from './golden.js';

interface Case {
  kind: string;
  base_batch_size: number;
  batch_size: number;
  base_lr: number;
  method: LrScalingMethod;
  lr?: number;
}

describe('scaleLr', () => {
  it.each(goldenCases<Case>('variable_batch.json').filter(({ kind }) => kind === 'scale_lr'))(
    'scales $base_lr from $base_batch_size to $batch_size by $method as DeepSpeed',
    ({ base_batch_size, batch_size, base_lr, method, lr }) => {
      const scaled = (): number => scaleLr(base_batch_size, batch_size, base_lr, method);
      if (lr === undefined) expect(scaled).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG' }));
      else expect(scaled()).toBe(lr);
    },
  );
});
