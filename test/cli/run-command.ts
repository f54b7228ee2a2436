import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The file that `millrace` runs. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Exit status and output of a command. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Sends SIGINT once standard error contains this text. */
  readonly interruptAfter?: string;
  /** Sends SIGTERM once standard output matches. */
  readonly endAfter?: RegExp;
}

/** Runs `millrace` in a separate process. */
export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runNode([main, ...args], options);
}

/** Runs a program in Node.js in a separate process. */
export function runNode(
  args: readonly string[],
  { cwd, interruptAfter, endAfter }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd });
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
