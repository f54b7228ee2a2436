import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface TerminalOptions {
  readonly columns: number;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `millrace` on a pseudo-terminal, which util-linux's `script` opens, and gives what it wrote there. */
export function runInTerminal(
  args: readonly string[],
  { columns, cwd, environment }: TerminalOptions,
): Promise<string> {
  const words = [process.execPath, main, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const { CI: _, NO_COLOR: __, ...inherited } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(
      'script',
      ['-qec', `stty cols ${columns} rows 30; exec ${words.join(' ')}`, '/dev/null'],
      {
        cwd,
        env: { ...inherited, TERM: 'xterm', ...environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', () => resolve(output.replaceAll('\r\n', '\n')));
  });
}
