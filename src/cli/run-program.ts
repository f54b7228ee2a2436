import { type Command, CommanderError } from 'commander';
import { builtFile } from '../core/built-file.js';
import { ConfigError, MillraceError } from '../core/errors.js';
import { withoutSecrets } from '../core/shown-location.js';

/**
 * Exit status of the command: 0 success, 1 failure or a problem found, 2 wrong arguments or options, 130 interrupted by Ctrl-C.
 */
export type ExitStatus = 0 | 1 | 2 | 130;

/** The user interrupted the command (Ctrl-C), and the command has printed how to continue. */
export class Interrupted extends Error {}

/** A failure that the command has already reported. Exits with status 1 and prints nothing. */
export class Failed extends Error {}

/**
 * Runs the command line. Prints only the message of a user's mistake, with its location in the user's code. Any other error is a
 * defect and keeps its stack.
 *
 * With `--json`, prints the error as one JSON object on standard error.
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
  // User code may throw any value.
  if (cause !== undefined) lines.push(`  because: ${String(cause)}`);
  return lines.join('\n');
}

/** Root of Millrace's own files, which are not the user's code. */
const ownFiles = builtFile('.')!.href;
const isUserCode = (frame: string) =>
  /file:|[\\/]/.test(frame) && !/node:|node_modules/.test(frame) && !frame.includes(ownFiles);

function foreignText(error: unknown): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`;
  // A system error's message names the path.
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
