/** A learning rate schedule. */
export interface LearningRateOptions {
  readonly peak: number;
  /** Share of the run in which the rate rises from zero. @defaultValue `0.05` */
  readonly warmupShare?: number;
  /** Final rate, as a share of the peak. @defaultValue `0.1` */
  readonly finalShare?: number;
}

/**
 * Linear warm-up, then cosine decay (Loshchilov and Hutter, SGDR, 2017).
 *
 * @returns The learning rate as a function of progress, 0 (start) to 1 (end).
 */
export function warmupCosine({ peak, warmupShare = 0.05, finalShare = 0.1 }: LearningRateOptions) {
  return (progress: number): number => {
    if (progress < warmupShare) return (peak * progress) / warmupShare;
    const descent = (Math.min(1, progress) - warmupShare) / (1 - warmupShare);
    return peak * (finalShare + ((1 - finalShare) * (1 + Math.cos(Math.PI * descent))) / 2);
  };
}
