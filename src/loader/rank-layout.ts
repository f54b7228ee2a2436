/** Which part of each global batch a loader gives. */
export interface RankLayout {
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
}
