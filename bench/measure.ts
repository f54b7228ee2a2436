import { execFileSync, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** One thing that is measured: us, the peer, or the physical limit. */
export interface Contestant {
  readonly name: string;
  /** Runs once and gives a rate: more is better. */
  readonly run: () => number | Promise<number>;
}

/**
 * Measures contestants in turn, in the reverse order every other round, and prints medians with their spread and the
 * ratio to the first one.
 */
export async function compare(
  title: string,
  unit: string,
  contestants: readonly Contestant[],
  rounds = 5,
): Promise<void> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : [...contestants].reverse();
    for (const { name, run } of order) rates.get(name)!.push(await run());
  }
  const first = median(rates.get(contestants[0]!.name)!);
  console.log(`\n${title}, median of ${rounds} [min … max], ${unit}`);
  for (const [name, values] of rates) {
    const spread = `[${compact(Math.min(...values))} … ${compact(Math.max(...values))}]`;
    const middle = median(values);
    console.log(
      `  ${name.padEnd(44)} ${compact(middle).padStart(8)}  ${spread.padEnd(22)} ${(middle / first).toFixed(2)} ×`,
    );
  }
}

/** Says on what machine and at which commit the figures were taken. */
export function printSurroundings(): void {
  const commit =
    spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim() || 'no commit';
  console.log(
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node.js ${process.versions.node}, ${commit}`,
  );
}

/**
 * Runs a script beside this file with Python and gives the number it prints, or `undefined` where Python or PyTorch is missing.
 * `MILLRACE_PYTHON` names the interpreter.
 */
export function python(script: string, ...args: readonly string[]): (() => number) | undefined {
  const interpreter = process.env.MILLRACE_PYTHON ?? 'python3';
  if (spawnSync(interpreter, ['-c', 'import torch']).status !== 0) return undefined;
  const file = fileURLToPath(new URL(script, import.meta.url));
  return () => Number(execFileSync(interpreter, [file, ...args], { encoding: 'utf8' }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}
