import type { Environment } from '../core/platform.js';
import { firstSet, type Variable, VariableReader } from './variable-reader.js';

/** The source of the rank: a launcher, or the user. */
export type Launcher = 'explicit' | 'torchrun' | 'openmpi' | 'slurm' | 'kubernetes' | 'single';

/** This process's place in a distributed run. */
export interface RankInfo {
  /** Data-parallel rank, `0 … worldSize - 1`. */
  readonly rank: number;
  /** Rank of this process among those on its machine. */
  readonly localRank: number;
  /** Number of processes in the run. */
  readonly worldSize: number;
  /** Number of processes on this machine, or `null` if the launcher does not provide it. */
  readonly localWorldSize: number | null;
  readonly launcher: Launcher;
}

/** The variables in which a launcher provides each number; of several names, the first that is set wins. */
interface LauncherVariables {
  readonly launcher: Launcher;
  readonly rank: readonly string[];
  readonly worldSize: readonly string[];
  readonly localRank: readonly string[];
  readonly localWorldSize: readonly string[];
  /**
   * Whether a rank without a world size is ignored, because this launcher sets the rank in single-process runs too.
   */
  readonly needsWorldSize?: boolean;
}

// In order of precedence. A launcher that runs inside another one comes first: inside a Slurm job, torchrun and
// mpirun number each process, while Slurm numbers the tasks that started them.
const launchers: readonly LauncherVariables[] = [
  {
    launcher: 'explicit',
    rank: ['MILLRACE_RANK'],
    worldSize: ['MILLRACE_WORLD_SIZE'],
    localRank: ['MILLRACE_LOCAL_RANK'],
    localWorldSize: ['MILLRACE_LOCAL_WORLD_SIZE'],
  },
  {
    launcher: 'torchrun', // and DeepSpeed's launcher, which sets LOCAL_SIZE
    rank: ['RANK'],
    worldSize: ['WORLD_SIZE'],
    localRank: ['LOCAL_RANK'],
    localWorldSize: ['LOCAL_WORLD_SIZE', 'LOCAL_SIZE'],
  },
  {
    launcher: 'openmpi',
    rank: ['OMPI_COMM_WORLD_RANK'],
    worldSize: ['OMPI_COMM_WORLD_SIZE'],
    localRank: ['OMPI_COMM_WORLD_LOCAL_RANK'],
    localWorldSize: ['OMPI_COMM_WORLD_LOCAL_SIZE'],
  },
  {
    launcher: 'slurm',
    rank: ['SLURM_PROCID'],
    worldSize: ['SLURM_STEP_NUM_TASKS', 'SLURM_NTASKS', 'SLURM_NPROCS'],
    localRank: ['SLURM_LOCALID'],
    localWorldSize: [], // SLURM_TASKS_PER_NODE is a list over machines, parsed below
    needsWorldSize: true,
  },
  {
    launcher: 'kubernetes', // an indexed Job: Kubernetes sets the index, the manifest the world size
    rank: ['JOB_COMPLETION_INDEX'],
    worldSize: ['WORLD_SIZE'],
    localRank: [],
    localWorldSize: [],
    needsWorldSize: true,
  },
];

/**
 * Detects which process of a distributed run this is from the launcher's environment variables. Precedence:
 * `MILLRACE_RANK` and `MILLRACE_WORLD_SIZE`, torchrun and DeepSpeed, Open MPI, Slurm, an indexed Kubernetes Job. If
 * none is set, the run has one process. A launcher inside another numbers its own processes, which is not a conflict.
 * Two launchers with the same world size and different ranks conflict, and so does a `WORLD_SIZE` that contradicts
 * the innermost launcher.
 *
 * @param environment - The variables. @defaultValue `process.env`
 *
 * @throws {@link ConfigError} naming the variable that is malformed, missing although another one needs it, or in
 *   conflict with another one (with both values).
 */
export function detectRank(environment: Environment = process.env): RankInfo {
  const found = launchers.find((launcher) => isPresent(launcher, environment));
  if (!found) return rankWithoutLauncher(environment);
  const reader = new VariableReader(environment);
  const rank = reader.required(found.rank, 0);
  const worldSize = reader.required(found.worldSize, 1);
  const localRank = reader.optional(found.localRank, 0);
  const localWorldSize =
    found.launcher === 'slurm' ? reader.slurmTasksOnThisNode() : reader.optional(found.localWorldSize, 1);
  reader.mustBeBelow(rank, worldSize);
  reader.mustBeBelow(localRank, localWorldSize);
  reader.mustNotExceed(localWorldSize, worldSize);
  reader.mustNotExceed(localRank, rank);
  if (found.launcher !== 'explicit') reportConflicts(found, { rank, worldSize }, environment, reader);
  reader.throwProblems();
  return {
    rank: rank.value,
    localRank: localRank?.value ?? 0,
    worldSize: worldSize.value,
    localWorldSize: localWorldSize?.value ?? (localRank ? null : 1),
    launcher: found.launcher,
  };
}

/** Reports values of other launchers that contradict the one in use. */
function reportConflicts(
  found: LauncherVariables,
  { rank, worldSize }: { readonly rank: Variable; readonly worldSize: Variable },
  environment: Environment,
  reader: VariableReader,
): void {
  const plainSize = found.launcher === 'torchrun' ? undefined : reader.optional(['WORLD_SIZE'], 1);
  if (plainSize && plainSize.value !== worldSize.value) reader.mustAgree(worldSize, plainSize);
  for (const other of launchers) {
    if (other === found || other.launcher === 'explicit' || !isPresent(other, environment)) continue;
    const otherSize = reader.optional(other.worldSize, 1);
    const otherRank = reader.optional(other.rank, 0);
    if (otherSize?.value !== worldSize.value || worldSize.value === 1) continue;
    if (otherRank && otherRank.value !== rank.value) reader.mustAgree(rank, otherRank);
  }
}

function isPresent(
  { rank, worldSize, needsWorldSize }: LauncherVariables,
  environment: Environment,
): boolean {
  if (firstSet(environment, rank) === undefined) return false;
  return !needsWorldSize || firstSet(environment, worldSize) !== undefined;
}

function rankWithoutLauncher(environment: Environment): RankInfo {
  const reader = new VariableReader(environment);
  const worldSize = reader.optional(['WORLD_SIZE'], 1);
  const localRank = reader.optional(['LOCAL_RANK'], 0);
  if (worldSize && worldSize.value > 1) {
    reader.problem('RANK', `is not set, but WORLD_SIZE is ${worldSize.value}`);
  }
  if (localRank && localRank.value > 0) {
    reader.problem('RANK', `is not set, but LOCAL_RANK is ${localRank.value}`);
  }
  reader.throwProblems();
  return { rank: 0, localRank: 0, worldSize: 1, localWorldSize: 1, launcher: 'single' };
}
