import type { AnalysisProgress } from './analyze-difficulty-options.js';
import type { LoadedMetric } from './metric-source.js';
import type { OnSamples } from './range-work.js';

/** Counts the samples of all phases of an analysis. */
export class ProgressCount {
  readonly total: number;
  readonly #onProgress: ((progress: AnalysisProgress) => void) | undefined;
  #done = 0;

  constructor(
    samples: number,
    metrics: readonly LoadedMetric[],
    onProgress?: (progress: AnalysisProgress) => void,
  ) {
    const needsCounts = metrics.some(({ metric }) => metric.keysOf);
    const merged = metrics.filter(({ kind }) => kind === 'value').length;
    this.total = samples * (1 + (needsCounts ? 1 : 0) + merged);
    this.#onProgress = onProgress;
  }

  /** Takes the samples of a phase. */
  in(phase: AnalysisProgress['phase']): OnSamples {
    return (samples) => {
      this.#done += samples;
      this.#onProgress?.({ phase, done: this.#done, total: this.total });
    };
  }
}
