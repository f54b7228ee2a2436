import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { untilMark } from '../cli/in-one-process.js';

/** Ends the output of a program. */
const mark = '\u0000end of program\u0000';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Runs programs one after the other in one process: see program-server.js. */
export class ProgramRunner {
  #server: ChildProcess | undefined;

  /**
   * @param file - JavaScript in a `.ts` file, relative to `cwd`.
   * @returns what the program writes to standard output.
   * @throws an error with its standard error if it fails.
   */
  async run(file: string, args: readonly string[], cwd: string): Promise<string> {
    this.#server ??= await start();
    const child = this.#server;
    const stopped = new AbortController();
    const { signal } = stopped;
    const status = once(child, 'message', { signal }).then(([answer]) => answer as number);
    // A program may end its process.
    const ended = once(child, 'close', { signal }).then(([code]) => {
      this.#server = undefined;
      return code as number | null;
    });
    const output = untilMark(child.stdout!, mark);
    child.send({ file: join(cwd, file), args, cwd, mark });
    const code = await Promise.race([status, ended]);
    stopped.abort();
    await Promise.allSettled([status, ended]);
    if (code === 0) return output;
    child.kill();
    this.#server = undefined;
    throw new Error(`${file} ended with ${code}: ${await text(child.stderr!)}`);
  }

  close(): void {
    this.#server?.kill();
  }
}

async function start(): Promise<ChildProcess> {
  const child = fork(path('program-server.js'), {
    execArgv: ['--import', path('javascript-in-ts.js')],
    env: { ...process.env, NODE_V8_COVERAGE: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  await once(child, 'message');
  return child;
}
