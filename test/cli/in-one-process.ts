import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { CommandResult } from './run-command.js';

/** Ends the output of a command. */
const mark = '\u0000end of command\u0000';

let server: ChildProcess | undefined;
/** The test file that the server runs commands for. */
let testPath: string | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `millrace` as `runCommand` does, but all commands of a test file in one process: starting a process and loading the
 * program takes most of the time of a short command. Modules that a command imports stay loaded, and a warning appears once.
 * Use `runCommand` to test how a process starts, is interrupted and ends.
 */
export function runInOneProcess(
  args: readonly string[],
  { cwd = process.cwd() }: { readonly cwd?: string } = {},
): Promise<CommandResult> {
  const result = last.then(() => run(args, cwd));
  last = result.catch(() => {});
  return result;
}

async function run(args: readonly string[], cwd: string): Promise<CommandResult> {
  const current = expect.getState().testPath;
  if (testPath !== current) {
    server?.kill();
    server = undefined;
    testPath = current;
  }
  server ??= await start();
  const child = server;
  const stopped = new AbortController();
  const { signal } = stopped;
  const status = once(child, 'message', { signal }).then(([answer]) => answer as number);
  const ended = once(child, 'close', { signal }).then(([code]) => {
    server = undefined;
    return code as number | null;
  });
  const output = Promise.all([untilMark(child.stdout!, mark), untilMark(child.stderr!, mark)]);
  child.send({ args, cwd, mark });
  const [code, [stdout, stderr]] = await Promise.all([Promise.race([status, ended]), output]);
  stopped.abort();
  await Promise.allSettled([status, ended]);
  return { status: code, stdout, stderr };
}

async function start(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('command-server.js', import.meta.url)), {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

/** The text of a stream up to the mark, or to its end. */
export function untilMark(stream: Readable, mark: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (text: string) => {
      stream.off('data', receive).off('end', end);
      resolve(text);
    };
    const end = () => finish(String(Buffer.concat(chunks)));
    const receive = (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunk.includes(mark.slice(-1))) {
        const text = String(Buffer.concat(chunks));
        if (text.endsWith(mark)) finish(text.slice(0, -mark.length));
      }
    };
    stream.on('data', receive).on('end', end);
  });
}
