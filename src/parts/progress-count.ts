/** Work done since the previous report. */
export interface PartProgress {
  readonly samples: number;
  /** Tokens, if text becomes tokens. */
  readonly tokens?: number;
}

export type OnPartProgress = (progress: PartProgress) => void;

/** Progress of all parts together. */
export interface TotalProgress<Phase extends string> {
  readonly phase: Phase;
  /** Samples done. */
  readonly done: number;
  readonly total: number;
  readonly tokens: number;
}

/** Adds up the progress of parts. */
export class ProgressCount<Phase extends string> {
  readonly total: number;
  readonly #onProgress: ((progress: TotalProgress<Phase>) => void) | undefined;
  #done = 0;
  #tokens = 0;

  /** @param total - Samples of all phases that are counted together. */
  constructor(total: number, onProgress?: (progress: TotalProgress<Phase>) => void) {
    this.total = total;
    this.#onProgress = onProgress;
  }

  /** Returns a callback that adds the progress of a phase. */
  in(phase: Phase): OnPartProgress {
    return ({ samples, tokens = 0 }) => {
      this.#done += samples;
      this.#tokens += tokens;
      this.#onProgress?.({ phase, done: this.#done, total: this.total, tokens: this.#tokens });
    };
  }

  /** Same as {@link in}, for a phase whose samples are counted from 0 again. */
  restart(phase: Phase): OnPartProgress {
    this.#done = 0;
    return this.in(phase);
  }
}
