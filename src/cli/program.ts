import type { EventEmitter } from 'node:events';
import { Command } from 'commander';
import { ownValue } from '../core/record.js';
import { version } from '../core/version.js';
import { examples, examplesText } from './terminal/examples.js';
import { joinLines, wrapHelp } from './terminal/help-text.js';
import { silenceProgress } from './terminal/progress.js';

/** The commands, in the order of the help. */
const commands = {
  init: async () => (await import('./commands/init.js')).initCommand(),
  inspect: async () => (await import('./commands/inspect.js')).inspectCommand(),
  plan: async () => (await import('./commands/plan.js')).planCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
  convert: async () => (await import('./commands/convert.js')).convertCommand(),
  analyze: async () => (await import('./commands/analyze.js')).analyzeCommand(),
  bench: async () => (await import('./commands/bench.js')).benchCommand(),
  replay: async () => (await import('./commands/replay.js')).replayCommand(),
  verify: async () => (await import('./commands/verify.js')).verifyCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  completion: async () => (await import('./commands/completion.js')).completionCommand(),
};

/** The command that needs the definitions of all others. */
const needsAll = 'completion';

/**
 * Creates the command `millrace` with its subcommands.
 *
 * @param named - The first argument. If it names a command, only that command is loaded: loading all takes longer than most commands run.
 */
export async function createProgram(named = ''): Promise<Command> {
  const isAlone = Object.hasOwn(commands, named) && named !== needsAll;
  const makers = isAlone ? [ownValue(commands, named)!] : Object.values(commands);
  const program = new Command('millrace')
    .description('The training data loader for TypeScript: typed, deterministic, resumable at any step.')
    .version(version)
    .showHelpAfterError('Run millrace --help for a list of commands.')
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
  for (const command of await Promise.all(makers.map((make) => make()))) {
    addSharedOptions(command);
    program.addCommand(command);
  }
  return program;
}

/** Adds what all commands share: wrapped help, examples and `--quiet`. */
function addSharedOptions(command: Command): void {
  command.description(joinLines(command.description()));
  command.configureHelp({ boxWrap: wrapHelp });
  command.showHelpAfterError(`Run millrace ${command.name()} --help for its options.`);
  command.option('--quiet', 'print results and errors, but no progress');
  const own = ownValue(examples, command.name());
  // A command with its own examples has registered a listener.
  const hasText = (command as Command & EventEmitter).listenerCount('afterHelp') > 0;
  if (own && !hasText) command.addHelpText('after', examplesText(own));
}
