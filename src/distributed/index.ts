export { detectRank, type Environment, type Launcher, type RankInfo } from './detect-rank.js';
