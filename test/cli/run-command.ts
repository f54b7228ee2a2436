import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** How a command ended and what it wrote. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Sends Ctrl-C as soon as the command has written this to standard error. */
  readonly interruptAfter?: string;
  /** Sends SIGTERM as soon as the command has written this to standard output. */
  readonly endAfter?: RegExp;
}

/** Runs `millrace` as a process of its own. */
export function runCommand(
  args: readonly string[],
  { cwd, interruptAfter, endAfter }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd });
    let stdout = '';
    let stderr = '';
    let interrupted = false;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (!endAfter?.test(stdout) || interrupted) return;
      interrupted = true;
      child.kill('SIGTERM');
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (interruptAfter === undefined || interrupted || !stderr.includes(interruptAfter)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
