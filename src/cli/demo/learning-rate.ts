/** The course of the learning rate over a run. */
export interface LearningRateOptions {
  readonly peak: number;
  /** Share of the run in which the rate rises from zero. @defaultValue `0.05` */
  readonly warmupShare?: number;
  /** The rate at the end, as a share of the peak. @defaultValue `0.1` */
  readonly finalShare?: number;
}

/**
 * Linear warm-up, then half a cosine down (Loshchilov and Hutter, SGDR, 2017).
 *
 * @returns The rate at a point of the run, 0 at the start and 1 at the end.
 */
export function warmupCosine({ peak, warmupShare = 0.05, finalShare = 0.1 }: LearningRateOptions) {
  return (progress: number): number => {
    if (progress < warmupShare) return (peak * progress) / warmupShare;
    const descent = (Math.min(1, progress) - warmupShare) / (1 - warmupShare);
    return peak * (finalShare + ((1 - finalShare) * (1 + Math.cos(Math.PI * descent))) / 2);
  };
}
