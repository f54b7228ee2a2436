// waves.ts
import type { Dataset, SampleContext } from 'millrace';

interface Wave {
  readonly signal: Float32Array;
  readonly frequency: number;
}

const waves: Dataset<Wave> = {
  length: 10_000,
  get(index: number, { rng }: SampleContext) {
    const frequency = 1 + (index % 8);
    const phase = rng.float() * 2 * Math.PI;
    const signal = Float32Array.from({ length: 64 }, (_, t) =>
      Math.sin((frequency * t) / 10 + phase),
    );
    return { signal, frequency };
  },
};

export default waves;
