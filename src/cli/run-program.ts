import { type Command, CommanderError } from 'commander';
import { ConfigError, MillraceError } from '../core/errors.js';
import { withoutSecrets } from '../core/shown-location.js';

/**
 * Exit status of the command: 0 done, 1 failed or something was found, 2 called the wrong way or with wrong options, 130 ended by Ctrl-C.
 */
export type ExitStatus = 0 | 1 | 2 | 130;

/** An end that was asked for (Ctrl-C): the shell's status for it, after the command has said what to do next. */
export class Interrupted extends Error {}

/** A failure that the command has reported already: status 1 and nothing more to say. */
export class Failed extends Error {}

/**
 * Runs the command line. A user's mistake gets its message alone, and where in the user's code it was; anything else is a defect and keeps
 * its stack.
 *
 * With `--json` an error is one JSON object on standard error, too.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<ExitStatus> {
  throwInsteadOfExiting(program);
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Interrupted) return 130;
    if (error instanceof Failed) return 1;
    process.stderr.write(`${withoutSecrets(argv.includes('--json') ? asJson(error) : asText(error))}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

function throwInsteadOfExiting(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExiting(child);
}

function asText(error: unknown): string {
  if (!(error instanceof MillraceError)) return foreignText(error);
  const lines = [`error: ${error.message}`];
  let { cause } = error;
  for (; cause instanceof Error; { cause } = cause) lines.push(`  because: ${cause.message}`);
  // What a user's code throws need not be an error.
  if (cause !== undefined) lines.push(`  because: ${String(cause)}`);
  return lines.join('\n');
}

/** Parts of a stack that are not the user's code: Millrace, packages, Node.js. */
const ownFiles = new URL('..', import.meta.url).href;
const isUserCode = (frame: string) =>
  /file:|[\\/]/.test(frame) && !/node:|node_modules/.test(frame) && !frame.includes(ownFiles);

function foreignText(error: unknown): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  // The message of the system names the path.
  if ('syscall' in error) return `error: ${error.message}`;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line));
  const first = frames.find(isUserCode);
  if (first) return `error: ${error.name}: ${error.message}\n  ${first.trim()}`;
  return error.stack ?? String(error);
}

function asJson(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const details = error instanceof MillraceError ? { code: error.code, where: error.where } : {};
  return JSON.stringify({ error: { name, message, ...details } });
}
