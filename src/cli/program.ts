import type { EventEmitter } from 'node:events';
import { Command } from 'commander';
import { ownValue } from '../core/record.js';
import { version } from '../core/version.js';
import { type ListedCommand, readCommandList } from './completion/command-list.js';
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
  map: async () => (await import('./commands/map.js')).mapCommand(),
  select: async () => (await import('./commands/select.js')).selectCommand(),
  analyze: async () => (await import('./commands/analyze.js')).analyzeCommand(),
  bench: async () => (await import('./commands/bench.js')).benchCommand(),
  replay: async () => (await import('./commands/replay.js')).replayCommand(),
  verify: async () => (await import('./commands/verify.js')).verifyCommand(),
  serve: async () => (await import('./commands/serve.js')).serveCommand(),
  python: async () => (await import('./commands/python.js')).pythonCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  completion: async () => (await import('./commands/completion.js')).completionCommand(),
};

/**
 * Creates the program for one command line. Loads only the command that the line names; the help and completion read the list of
 * commands that the build wrote. Loading all commands takes longer than most of them run.
 *
 * @param words - The arguments of the command line.
 */
export async function createProgram(words: readonly string[]): Promise<Command> {
  const named = (words[0] === 'help' ? words[1] : words[0]) ?? '';
  const load = ownValue(commands, named);
  if (load) return programOf([await load()]);
  return programOf(readCommandList().map(listedCommand));
}

/** Creates the program with all its commands loaded. */
export async function loadProgram(): Promise<Command> {
  return programOf(await Promise.all(Object.values(commands).map((load) => load())));
}

/** A command for the help of the program, which shows its name, arguments and summary. */
function listedCommand({ name, summary, usage }: ListedCommand): Command {
  const command = new Command(name).summary(summary);
  return usage === '' ? command : command.arguments(usage);
}

function programOf(subcommands: readonly Command[]): Command {
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
  for (const command of subcommands) {
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
