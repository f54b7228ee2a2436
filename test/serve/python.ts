import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** The Python of the system; `npm test` sees to it that it has numpy. */
export const python = process.env.MILLRACE_PYTHON || '/usr/bin/python3';

const folder = fileURLToPath(new URL('../../python', import.meta.url));
const tests = fileURLToPath(new URL('./python', import.meta.url));

/** Environment in which Python finds the package of this repository. */
export const pythonEnvironment = {
  ...process.env,
  PYTHONPATH: `${folder}:${tests}`,
  PYTHONDONTWRITEBYTECODE: '1',
};

/** Whether Python can import a package. */
export function hasPackage(name: string): boolean {
  return spawnSync(python, ['-c', `import ${name}`], { env: pythonEnvironment }).status === 0;
}

/** A Python that is running. */
export interface RunningPython {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Settles when it ends. */
  readonly ended: Promise<{
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
  /** Waits for a line of its output that begins with a word. */
  readonly line: (word: string) => Promise<string>;
  /** How many lines of its output begin with a word so far. */
  readonly counted: (word: string) => number;
  /** Waits until so many lines begin with a word. */
  readonly count: (word: string, lines: number) => Promise<string>;
  /** Waits for the n-th line of its output, from 1. */
  readonly nthLine: (n: number) => Promise<string>;
  readonly write: (text: string) => void;
  readonly endInput: () => void;
}

/** Starts a program of `test/serve/python`. */
export function startPython(program: string, args: readonly string[] = []): RunningPython {
  const child = spawn(python, [`${tests}/${program}`, ...args], { env: pythonEnvironment });
  let stdout = '';
  let stderr = '';
  let over = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const wake of waiting) wake();
  };
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    look();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((settle) => {
    child.on('close', (status) => {
      over = true;
      look();
      settle({ status, stdout, stderr });
    });
  });
  const waitFor = (find: (lines: string[]) => string | undefined): Promise<string> =>
    new Promise((settle, reject) => {
      const wake = (): void => {
        const found = find(stdout.split('\n').slice(0, -1));
        if (found === undefined && !over) return;
        waiting.delete(wake);
        if (found === undefined) reject(new Error(`Python ended early: ${stdout}${stderr}`));
        else settle(found);
      };
      waiting.add(wake);
      wake();
    });
  return {
    pid: child.pid!,
    kill: (signal) => void child.kill(signal),
    ended,
    line: (word) => waitFor((lines) => lines.find((line) => line.startsWith(word))),
    counted: (word) => stdout.split('\n').filter((line) => line.startsWith(word)).length,
    count: (word, count) => waitFor((lines) => lines.filter((line) => line.startsWith(word))[count - 1]),
    nthLine: (n) => waitFor((lines) => lines[n - 1]),
    write: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
  };
}

/** Runs a program of `test/serve/python` to its end, with JSON on its standard input. @returns the JSON that it printed */
export async function askPython<V>(
  program: string,
  question: unknown,
  args: readonly string[] = [],
): Promise<V> {
  const running = startPython(program, args);
  running.write(`${JSON.stringify(question)}\n`);
  const { status, stdout, stderr } = await running.ended;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as V;
}
