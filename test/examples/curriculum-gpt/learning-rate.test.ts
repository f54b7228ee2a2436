import { describe, expect, it } from 'vitest';
import { warmupCosine } from '../../../examples/curriculum-gpt/learning-rate.js';

describe('warmupCosine', () => {
  const rate = warmupCosine({ peak: 2, warmupShare: 0.1, finalShare: 0.25 });

  it.each([
    [0, 0],
    [0.05, 1],
    [0.1, 2],
    [0.55, 1.25],
    [1, 0.5],
    [1.2, 0.5],
  ])('at %d of the run gives %d', (progress, expected) => {
    expect(rate(progress)).toBeCloseTo(expected, 12);
  });
});
