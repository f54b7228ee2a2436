import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { analyzeCommand } from './commands/analyze.js';
import { benchCommand } from './commands/bench.js';
import { convertCommand } from './commands/convert.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { initCommand } from './commands/init.js';
import { inspectCommand } from './commands/inspect.js';
import { planCommand } from './commands/plan.js';
import { replayCommand } from './commands/replay.js';
import { verifyCommand } from './commands/verify.js';

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
    .addCommand(initCommand())
    .addCommand(inspectCommand())
    .addCommand(planCommand())
    .addCommand(doctorCommand())
    .addCommand(convertCommand())
    .addCommand(analyzeCommand())
    .addCommand(benchCommand())
    .addCommand(replayCommand())
    .addCommand(verifyCommand());
}
