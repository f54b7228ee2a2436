import { execFileSync, spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The result of one run of a contestant. Each runs in its own process and prints this as JSON in its last line. */
export interface Run {
  /** Units of work: tokens, images, batches; 1 if only the time matters. */
  readonly amount: number;
  readonly seconds: number;
  /** Processor time of the process, its threads and its children. */
  readonly cpuSeconds: number;
  /** Peak memory. */
  readonly peakMiB: number;
}

/** A program to measure: Millrace, a peer, or a physical limit. */
export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
}

/** Medians over the runs of a contestant. */
export interface Result {
  readonly name: string;
  /** Units per second, or milliseconds, depending on the table. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Units per processor second. */
  readonly perCpuSecond: number;
  readonly peakMiB: number;
}

/** A goal, and the value reached. */
export interface Goal {
  readonly name: string;
  readonly value: number;
  /** A lower bound, or with `atMost` an upper bound. */
  readonly goal: number;
  readonly met: boolean;
}

export interface Report {
  readonly results: readonly Result[];
  readonly goals: readonly Goal[];
}

/** `rate`: units per second, higher is better. `time`: milliseconds per unit, lower is better. */
export type Measure = 'rate' | 'time';

/** Shows a line that the next one overwrites; only on a terminal. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/**
 * Runs contestants in turn, in reverse order every other round, and returns their medians. Passes standard error
 * through; a contestant that fails ends the measurement.
 */
export function compare(contestants: readonly Contestant[], measure: Measure, rounds = 5): Result[] {
  const runs = new Map<string, Run[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : [...contestants].reverse();
    for (const { name, command } of order) {
      showProgress(`round ${round + 1} of ${rounds}: ${name}`);
      runs.get(name)!.push(runOnce(command));
    }
  }
  showProgress('');
  return [...runs].map(([name, all]) => {
    const values = all.map(({ amount, seconds }) =>
      measure === 'rate' ? amount / seconds : (seconds * 1_000) / amount,
    );
    return {
      name,
      value: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      perCpuSecond: median(all.map(({ amount, cpuSeconds }) => amount / cpuSeconds)),
      peakMiB: median(all.map(({ peakMiB }) => peakMiB)),
    };
  });
}

function runOnce([program, ...args]: readonly string[]): Run {
  const output = execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Run;
}

/** Prints a table with the ratio of each contestant to the first. */
export function printTable(
  title: string,
  unit: string,
  results: readonly Result[],
  measure: Measure = 'rate',
): void {
  const width = Math.max(...results.map(({ name }) => name.length));
  const first = results[0]!.value;
  console.log(`\n${title}\nmedian [min … max] in ${unit}, ratio to the first, per CPU second, peak memory`);
  for (const { name, value, min, max, perCpuSecond, peakMiB } of results) {
    const spread = `[${compact(min)} … ${compact(max)}]`;
    const ratio = measure === 'rate' ? value / first : first / value;
    const perCpu = measure === 'rate' ? compact(perCpuSecond) : '';
    console.log(
      `  ${name.padEnd(width)} ${compact(value).padStart(7)} ${spread.padEnd(19)} ${ratio.toFixed(2).padStart(6)} × ` +
        `${perCpu.padStart(7)} ${Math.round(peakMiB).toString().padStart(6)} MiB`,
    );
  }
}

/** A goal with a lower bound. */
export function atLeast(name: string, value: number, goal: number): Goal {
  return { name, value: rounded(value), goal, met: value >= goal };
}

/** A goal with an upper bound. */
export function atMost(name: string, value: number, goal: number): Goal {
  return { name, value: rounded(value), goal, met: value <= goal };
}

export function printGoals(goals: readonly Goal[]): void {
  console.log('\nGoals');
  for (const { name, value, goal, met } of goals)
    console.log(`  ${met ? 'met    ' : 'not met'}  ${name}: ${value} (goal ${goal})`);
}

/** The result with a name. */
export function resultOf(results: readonly Result[], name: string): Result {
  const result = results.find((candidate) => candidate.name === name);
  if (!result) throw new Error(`There is no contestant named ${name}`);
  return result;
}

/** The best result whose name starts with a prefix. */
export function bestOf(results: readonly Result[], prefix: string): Result {
  const candidates = results.filter(({ name }) => name.startsWith(prefix));
  return candidates.reduce((best, result) => (result.value > best.value ? result : best));
}

/** The same contestant, with the peak memory of its whole process tree. */
export function withTreePeak({ name, command }: Contestant): Contestant {
  return { name, command: nodeCommand('tree-peak.js', ...command) };
}

/** The goals of a job: the best contestant of Millrace against the best peer, in time and in processor time. */
export function jobGoals(results: readonly Result[], ours: string, peer: string, goal: number): Goal[] {
  const ofPrefix = (prefix: string) => results.filter(({ name }) => name.startsWith(prefix));
  const most = (prefix: string, key: 'value' | 'perCpuSecond') =>
    Math.max(...ofPrefix(prefix).map((result) => result[key]));
  return [
    atLeast(`${ours}, time, best against best`, most(ours, 'value') / most(peer, 'value'), goal),
    atLeast(
      `${ours}, processor time, best against best`,
      most(ours, 'perCpuSecond') / most(peer, 'perCpuSecond'),
      goal,
    ),
  ];
}

/** The machine, the versions and the commit of the measurement. */
export function machine(): Record<string, string | number> {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    commit: commit || 'none',
    ...pythonVersions(),
  };
}

/** The command of a Node.js script in `contestants/`. */
export function nodeCommand(script: string, ...args: readonly (string | number)[]): readonly string[] {
  return [process.execPath, contestant(script), ...args.map(String)];
}

/**
 * The command of a Python script in `contestants/`. `MILLRACE_PYTHON` names the interpreter.
 *
 * @returns `undefined` if it lacks PyTorch; {@link peerAdvice} explains how to install it.
 */
export function pythonCommand(
  script: string,
  ...args: readonly (string | number)[]
): readonly string[] | undefined {
  if (Object.keys(pythonVersions()).length === 0) return undefined;
  return [interpreter, contestant(script), ...args.map(String)];
}

/** The command of a C program in `contestants/`, compiled now for this processor. */
export function compiledCommand(
  script: string,
  options: readonly string[],
  ...args: readonly (string | number)[]
): readonly string[] {
  const binary = `${benchFolder()}/${script.replace(/\.c$/, '')}`;
  execFileSync('cc', ['-O3', '-march=native', '-o', binary, contestant(script), ...options]);
  return [binary, ...args.map(String)];
}

/** How to set up the peers' environment. */
export const peerAdvice =
  'PyTorch was not found. Create an environment and set MILLRACE_PYTHON: python3 -m venv peers && ' +
  'peers/bin/pip install torch torchvision numpy && export MILLRACE_PYTHON=peers/bin/python';

const interpreter = process.env.MILLRACE_PYTHON ?? 'python3';
let versions: Record<string, string> | undefined;

function pythonVersions(): Record<string, string> {
  if (versions) return versions;
  const script =
    'import json, torch, platform\n' +
    'v = {"python": platform.python_version(), "torch": torch.__version__}\n' +
    'try:\n import torchvision, PIL\n v.update(torchvision=torchvision.__version__, pillow=PIL.__version__)\n' +
    'except Exception: pass\nprint(json.dumps(v))';
  const { status, stdout } = spawnSync(interpreter, ['-c', script], { encoding: 'utf8' });
  versions = status === 0 ? (JSON.parse(stdout) as Record<string, string>) : {};
  return versions;
}

/** The folder for large benchmark files. `MILLRACE_BENCH_DIR` overrides it. */
export function benchFolder(): string {
  const folder = process.env.MILLRACE_BENCH_DIR ?? `${process.env.TMPDIR ?? '/tmp'}/millrace-bench`;
  execFileSync('mkdir', ['-p', folder]);
  return folder;
}

function contestant(script: string): string {
  return fileURLToPath(new URL(`contestants/${script}`, import.meta.url));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}
