// PyTorch's own permutation, bit for bit, against PyTorch's (W1): time, and the memory it takes.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TorchGenerator } from 'millrace/random';
import { compare, printSurroundings, python } from './measure.js';

export default async function run(): Promise<void> {
  printSurroundings();
  for (const [n, rounds] of [
    [1e6, 9],
    [1e7, 5],
    [1e8, 3],
  ] as const) {
    const peer = python('randperm.py', String(n));
    const contestants = [
      {
        name: 'Millrace TorchGenerator.randperm',
        run: () => rate(n, () => new TorchGenerator(42).randperm(n)),
      },
      ...(peer ? [{ name: 'torch.randperm', run: peer }] : []),
      { name: 'limit: swaps with partners at random', run: () => rate(n, () => swapAtRandom(n)) },
    ];
    await compare(`${n.toLocaleString('en')} elements`, 'elements/s', contestants, rounds);
    if (!peer) console.log('  (PyTorch was not found: set MILLRACE_PYTHON to a python that has torch)');
    printMemory(n);
  }
}

function rate(n: number, work: () => unknown): number {
  const started = performance.now();
  work();
  return (n * 1_000) / (performance.now() - started);
}

/** What a shuffle cannot do without: one read and two writes at random places, with partners that cost next to nothing. */
function swapAtRandom(n: number): Int32Array {
  const all = new Int32Array(n);
  for (let i = 0; i < n; i++) all[i] = i;
  let word = 1;
  for (let i = 0; i < n - 1; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    const j = i + (word % (n - i));
    const kept = all[i]!;
    all[i] = all[j]!;
    all[j] = kept;
  }
  return all;
}

/** Peak memory of a process of its own, above what it had before. Linux says it; elsewhere nothing is printed. */
function printMemory(n: number): void {
  if (!existsSync('/proc/self/status')) return;
  const torch = python('randperm.py', String(n), 'memory');
  const peer = torch ? `, torch.randperm ${inMegabytes(torch())}` : '';
  console.log(`  memory: Millrace ${inMegabytes(ownMemory(n))}${peer}, one Int32Array ${inMegabytes(4 * n)}`);
}

function ownMemory(n: number): number {
  const program = `
    import { readFileSync } from 'node:fs';
    import { TorchGenerator } from 'millrace/random';
    const peak = () => 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    new TorchGenerator(42).randperm(1_000);
    const before = peak();
    new TorchGenerator(42).randperm(${n});
    console.log(peak() - before);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

function inMegabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
