import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { ownValue } from '../core/record.js';

/** Who said which process this is. */
export type Launcher = 'explicit' | 'torchrun' | 'openmpi' | 'slurm' | 'kubernetes' | 'single';

/** Which process of a distributed run this is. */
export interface RankInfo {
  /** Number of this process among all, `0 … worldSize - 1`. */
  readonly rank: number;
  /** Number of this process on its machine. */
  readonly localRank: number;
  /** Processes of the run. */
  readonly worldSize: number;
  /** Processes on this machine, or `null` where the launcher does not say. */
  readonly localWorldSize: number | null;
  readonly launcher: Launcher;
}

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables in which a launcher says each number; of several names, the first that is set counts. */
interface LauncherVariables {
  readonly launcher: Launcher;
  readonly rank: readonly string[];
  readonly worldSize: readonly string[];
  readonly localRank: readonly string[];
  readonly localWorldSize: readonly string[];
  /** Whether the rank alone, without a world size, means nothing: it is set in runs of one process, too. */
  readonly needsWorldSize?: boolean;
}

// In the order in which they are asked. A launcher that runs inside another one comes first: torchrun and mpirun inside
// a Slurm job set their own numbers for each process, while Slurm's count the tasks that started them.
const launchers: readonly LauncherVariables[] = [
  {
    launcher: 'explicit',
    rank: ['MILLRACE_RANK'],
    worldSize: ['MILLRACE_WORLD_SIZE'],
    localRank: ['MILLRACE_LOCAL_RANK'],
    localWorldSize: ['MILLRACE_LOCAL_WORLD_SIZE'],
  },
  {
    launcher: 'torchrun', // and DeepSpeed's launcher, which says LOCAL_SIZE
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
    localWorldSize: [], // SLURM_TASKS_PER_NODE is a list over machines, read below
    needsWorldSize: true,
  },
  {
    launcher: 'kubernetes', // an indexed Job: the index is Kubernetes', the world size is the manifest's
    rank: ['JOB_COMPLETION_INDEX'],
    worldSize: ['WORLD_SIZE'],
    localRank: [],
    localWorldSize: [],
    needsWorldSize: true,
  },
];

/**
 * Which process of a distributed run this is, from the environment variables of the launcher: `MILLRACE_RANK` and
 * `MILLRACE_WORLD_SIZE` when given, torchrun and DeepSpeed, Open MPI, Slurm, an indexed Kubernetes Job, in that order.
 * None of them set means a run of one process.
 *
 * @param environment - Where to look. @defaultValue `process.env`
 * One launcher inside another has numbers of its own, which is no conflict; two that count as many processes and give this one
 * different ranks are, and so is a `WORLD_SIZE` that the launcher of this process contradicts.
 *
 * @throws {@link ConfigError} naming the variable that is malformed, missing beside another one, or contradicts it, with both values.
 */
export function detectRank(environment: Environment = process.env): RankInfo {
  const found = launchers.find((launcher) => speaks(launcher, environment));
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

/** What another launcher says that cannot be so beside the one that counts. */
function reportConflicts(
  found: LauncherVariables,
  { rank, worldSize }: { readonly rank: Variable; readonly worldSize: Variable },
  environment: Environment,
  reader: VariableReader,
): void {
  const plainSize = found.launcher === 'torchrun' ? undefined : reader.optional(['WORLD_SIZE'], 1);
  if (plainSize && plainSize.value !== worldSize.value) reader.mustAgree(worldSize, plainSize);
  for (const other of launchers) {
    if (other === found || other.launcher === 'explicit' || !speaks(other, environment)) continue;
    const otherSize = reader.optional(other.worldSize, 1);
    const otherRank = reader.optional(other.rank, 0);
    if (otherSize?.value !== worldSize.value || worldSize.value === 1) continue;
    if (otherRank && otherRank.value !== rank.value) reader.mustAgree(rank, otherRank);
  }
}

function speaks({ rank, worldSize, needsWorldSize }: LauncherVariables, environment: Environment): boolean {
  if (firstSet(environment, rank) === undefined) return false;
  return !needsWorldSize || firstSet(environment, worldSize) !== undefined;
}

function rankWithoutLauncher(environment: Environment): RankInfo {
  const reader = new VariableReader(environment);
  const worldSize = reader.optional(['WORLD_SIZE'], 1);
  const localRank = reader.optional(['LOCAL_RANK'], 0);
  if (worldSize && worldSize.value > 1) {
    reader.problem('RANK', `is not set, but WORLD_SIZE says ${worldSize.value} processes`);
  }
  if (localRank && localRank.value > 0) {
    reader.problem('RANK', `is not set, but LOCAL_RANK says process ${localRank.value} of this machine`);
  }
  reader.throwProblems();
  return { rank: 0, localRank: 0, worldSize: 1, localWorldSize: 1, launcher: 'single' };
}

/** A whole number and the variable that said it. */
interface Variable {
  readonly name: string;
  readonly value: number;
}

/** Reads variables and collects what is wrong with them, so that one error can say it all. */
class VariableReader {
  readonly #environment: Environment;
  readonly #problems: ConfigProblem[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  optional(names: readonly string[], minimum: number): Variable | undefined {
    const name = firstSet(this.#environment, names);
    if (name === undefined) return undefined;
    const text = (ownValue(this.#environment, name) ?? '').trim();
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= minimum) return { name, value };
    this.problem(name, `must be a whole number of at least ${minimum}, found "${text}"`);
    return undefined;
  }

  required(names: readonly string[], minimum: number): Variable {
    const name = names[0] ?? '';
    if (firstSet(this.#environment, names) === undefined) {
      this.problem(name, 'is not set, though the other variables of this launcher are');
    }
    return this.optional(names, minimum) ?? { name, value: Number.NaN };
  }

  /** Tasks of this machine from `2(x3),1`: two on each of the first three machines, one on the fourth. */
  slurmTasksOnThisNode(): Variable | undefined {
    const name = firstSet(this.#environment, ['SLURM_STEP_TASKS_PER_NODE', 'SLURM_TASKS_PER_NODE']);
    const node = this.optional(['SLURM_NODEID'], 0);
    if (name === undefined || node === undefined) return undefined;
    const list = ownValue(this.#environment, name) ?? '';
    let machinesBefore = 0;
    for (const part of list.split(',')) {
      const [, tasks, machines = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim()) ?? [];
      if (tasks === undefined) {
        this.problem(name, `must be like 2(x3),1, found "${list}"`);
        return undefined;
      }
      machinesBefore += Number(machines);
      if (node.value < machinesBefore) return { name, value: Number(tasks) };
    }
    this.problem(node.name, `is ${node.value}, but ${name} (${list}) lists ${machinesBefore} machines`);
    return undefined;
  }

  mustBeBelow(number: Variable | undefined, limit: Variable | undefined): void {
    if (!number || !limit || !(number.value >= limit.value)) return;
    this.problem(number.name, `is ${number.value}, but must be below ${limit.name}, which is ${limit.value}`);
  }

  mustNotExceed(number: Variable | undefined, limit: Variable | undefined): void {
    if (!number || !limit || !(number.value > limit.value)) return;
    this.problem(number.name, `is ${number.value}, but cannot exceed ${limit.name}, which is ${limit.value}`);
  }

  mustAgree(number: Variable, other: Variable): void {
    this.problem(number.name, `is ${number.value}, but ${other.name} is ${other.value}`);
  }

  problem(field: string, message: string): void {
    this.#problems.push({ field, message });
  }

  throwProblems(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError('Rank from the environment', this.#problems, {
      next: 'Start every process through one launcher, or set MILLRACE_RANK and MILLRACE_WORLD_SIZE yourself.',
    });
  }
}

function firstSet(environment: Environment, names: readonly string[]): string | undefined {
  return names.find((name) => (ownValue(environment, name) ?? '') !== '');
}
