export { detectRank, type RankInfo } from './detect-rank.js';
export { type ParallelGroups, type ParallelLayout, parallelGroups } from './parallel-groups.js';
