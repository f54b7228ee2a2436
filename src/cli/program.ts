import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { analyzeCommand } from './commands/analyze.js';
import { benchCommand } from './commands/bench.js';
import { completionCommand } from './commands/completion.js';
import { convertCommand } from './commands/convert.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { initCommand } from './commands/init.js';
import { inspectCommand } from './commands/inspect.js';
import { planCommand } from './commands/plan.js';
import { replayCommand } from './commands/replay.js';
import { verifyCommand } from './commands/verify.js';
import { examples, examplesText } from './terminal/examples.js';
import { silenceProgress } from './terminal/progress.js';

/** The command `millrace` with all its subcommands. */
export function createProgram(): Command {
  const { version, description } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; description: string };
  const program = new Command('millrace')
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
    .addCommand(verifyCommand())
    .addCommand(completionCommand())
    .addHelpText(
      'after',
      examplesText([
        'millrace init',
        'millrace plan',
        'millrace inspect "hf://datasets/user/name/data/*.parquet"',
      ]),
    )
    .hook('preAction', (_program, command) => {
      if (command.opts<{ quiet?: boolean }>().quiet) silenceProgress();
    });
  for (const command of program.commands) addManners(command);
  return program;
}

/** What every command has: help as wide as the terminal, examples, and a way to be silent. */
function addManners(command: Command): void {
  // The terminal breaks the lines.
  command.description(command.description().replaceAll('\n', ' '));
  command.showHelpAfterError(`Run millrace ${command.name()} --help to see what there is.`);
  command.option('--quiet', 'print results and errors, but no progress');
  const own = examples[command.name()];
  // A command that has brought its own text has a listener for it.
  const hasText = (command as Command & EventEmitter).listenerCount('afterHelp') > 0;
  if (own && !hasText) command.addHelpText('after', examplesText(own));
}
