import { readFileSync } from 'node:fs';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';

interface Drawn {
  readonly seed: number;
  readonly float32: boolean;
  readonly weights: readonly number[];
  readonly count: number;
  readonly drawn: readonly number[];
}

// Generated with PyTorch 2.13 on Linux: torch.multinomial(weights, count, generator=generator) with a generator
// seeded with `seed`.
const cases: readonly Drawn[] = JSON.parse(
  readFileSync(new URL('./multinomial-ties.json', import.meta.url), 'utf8'),
);

describe('multinomial without replacement', () => {
  it("returns indices of weight 0 last, in PyTorch's order", () => {
    for (const { seed, float32, weights, count, drawn } of cases) {
      const typed = float32 ? Float32Array.from(weights) : Float64Array.from(weights);
      const generator = new TorchGenerator(seed, { release: '2.13' });
      expect([...generator.multinomial(typed, count)], `seed ${seed}`).toEqual(drawn);
    }
  });
});
