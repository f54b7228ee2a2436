import type { Command } from 'commander';

/** A flag that completion offers. */
export interface CompletedFlag {
  /** `--samples`. */
  readonly flag: string;
  readonly description: string;
  /** Whether the flag takes a value. */
  readonly takesValue: boolean;
  /** Allowed values, if the flag has a fixed list. */
  readonly choices: readonly string[];
}

/** A command that completion offers. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  /** Allowed arguments; empty for files. */
  readonly words: readonly string[];
}

/** Lists the commands of a program with their visible flags. */
export function describeProgram(program: Command): CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.summary() || command.description(),
    flags: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, description, required, optional, argChoices }) => ({
        flag: long!,
        description,
        takesValue: required || optional,
        choices: argChoices ?? [],
      })),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
}
