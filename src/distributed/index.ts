export { detectRank, type Environment, type Launcher, type RankInfo } from './detect-rank.js';
export {
  type ParallelGroups,
  type ParallelLayout,
  type ProcessGroup,
  parallelGroups,
} from './parallel-groups.js';
