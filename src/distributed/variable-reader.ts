import { ConfigError, type ConfigProblem } from '../core/errors.js';
import type { Environment } from '../core/platform.js';
import { ownValue } from '../core/record.js';

/** An integer and the variable that provided it. */
export interface Variable {
  readonly name: string;
  readonly value: number;
}

/** Reads variables and collects their problems, so that one error reports all of them. */
export class VariableReader {
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
      this.problem(name, 'is not set, although other variables of this launcher are');
    }
    return this.optional(names, minimum) ?? { name, value: Number.NaN };
  }

  /**
   * Parses the number of tasks on this machine from a list such as `2(x3),1`: two on each of the first three
   * machines, one on the fourth.
   */
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
    this.problem(node.name, `is ${node.value}, but ${name} (${list}) lists only ${machinesBefore} machines`);
    return undefined;
  }

  mustBeBelow(number: Variable | undefined, limit: Variable | undefined): void {
    if (!number || !limit || !(number.value >= limit.value)) return;
    this.problem(number.name, `is ${number.value}, but must be below ${limit.name}, which is ${limit.value}`);
  }

  mustNotExceed(number: Variable | undefined, limit: Variable | undefined): void {
    if (!number || !limit || !(number.value > limit.value)) return;
    this.problem(
      number.name,
      `is ${number.value}, but must be at most ${limit.name}, which is ${limit.value}`,
    );
  }

  mustAgree(number: Variable, other: Variable): void {
    this.problem(number.name, `is ${number.value}, but ${other.name} is ${other.value}`);
  }

  problem(field: string, message: string): void {
    this.#problems.push({ field, message });
  }

  throwProblems(): void {
    if (this.#problems.length === 0) return;
    throw new ConfigError('Distributed environment', this.#problems, {
      next: 'Start every process with one launcher, or set MILLRACE_RANK and MILLRACE_WORLD_SIZE yourself.',
    });
  }
}

/** The first of several variables that has a value. */
export function firstSet(environment: Environment, names: readonly string[]): string | undefined {
  return names.find((name) => (ownValue(environment, name) ?? '') !== '');
}
