import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const commandList = fileURLToPath(new URL('commands-in-terminal.js', import.meta.url));

/** Ends the output of a command. */
const mark = '=== end of command ===';

export interface TerminalOptions {
  readonly columns: number;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs `millrace` on a pseudo-terminal, and gives what it wrote there. */
export function runInTerminal(args: readonly string[], options: TerminalOptions): Promise<string> {
  return runNode([main, ...args], options);
}

/** Runs several commands on one pseudo-terminal in one process, and gives what each wrote there. */
export async function runAllInTerminal(
  commands: readonly (readonly string[])[],
  options: TerminalOptions,
): Promise<string[]> {
  const output = await runNode([commandList, mark, JSON.stringify(commands)], options);
  return output.split(mark).slice(0, -1);
}

/** Runs Node.js on a pseudo-terminal, which util-linux's `script` opens. */
function runNode(args: readonly string[], { columns, cwd, environment }: TerminalOptions): Promise<string> {
  const words = [process.execPath, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
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
