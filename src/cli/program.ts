import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { analyzeCommand } from './commands/analyze.js';
import { benchCommand } from './commands/bench.js';
import { convertCommand } from './commands/convert.js';
import { demoCommand } from './commands/demo.js';
import { inspectCommand } from './commands/inspect.js';
import { verifyCommand } from './commands/verify.js';
import { workerCommand } from './commands/worker.js';

/** The command `millrace` with all its subcommands. */
export function createProgram(): Command {
  const { version, description } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; description: string };
  return new Command('millrace')
    .description(description)
    .version(version)
    .showHelpAfterError('Run with --help to see what there is.')
    .addCommand(demoCommand())
    .addCommand(inspectCommand())
    .addCommand(convertCommand())
    .addCommand(analyzeCommand())
    .addCommand(benchCommand())
    .addCommand(verifyCommand())
    .addCommand(workerCommand());
}
