import type { Command } from 'commander';

/** A flag as completion offers it. */
export interface CompletedFlag {
  /** `--samples`. */
  readonly flag: string;
  readonly description: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  /** The values there are, where they are few. */
  readonly choices: readonly string[];
}

/** A command as completion offers it. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  /** Words that may follow; where there are none, files. */
  readonly words: readonly string[];
}

/** All commands of a program with their flags. */
export function describeProgram(program: Command): CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.summary() || command.description(),
    flags: command.options.map(({ long, description, required, optional, argChoices }) => ({
      flag: long!,
      description,
      takesValue: required || optional,
      choices: argChoices ?? [],
    })),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
}
