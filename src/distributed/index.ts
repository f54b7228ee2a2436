export { detectRank, type RankInfo } from './detect-rank.js';
export { parallelGroups } from './parallel-groups.js';
