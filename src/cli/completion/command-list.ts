import { readFileSync } from 'node:fs';
import type { Argument, Command } from 'commander';
import { builtFile } from '../../core/built-file.js';

/** A flag of a listed command. */
export interface ListedFlag {
  /** `--samples`. */
  readonly flag: string;
  readonly description: string;
  /** Whether the flag takes a value. */
  readonly takesValue: boolean;
  /** Allowed values, if the flag has a fixed list. */
  readonly choices: readonly string[];
}

/** A command as help and completion show it. */
export interface ListedCommand {
  readonly name: string;
  readonly summary: string;
  /** Its arguments: `[config] [other]`. */
  readonly usage: string;
  readonly flags: readonly ListedFlag[];
  /** Allowed arguments; empty for files. */
  readonly words: readonly string[];
}

/** Lists the commands of a program with their visible flags. */
export function listCommands(program: Command): ListedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
    usage: command.registeredArguments.map(usageOf).join(' '),
    flags: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, flags, description, required, optional, argChoices }) => ({
        flag: long ?? flags,
        description,
        takesValue: required || optional,
        choices: argChoices ?? [],
      })),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
}

function usageOf(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The list that the build writes, so that help and completion need not load the commands. */
export const commandListFile = builtFile('cli/completion/command-list.json')!;

/** Reads the list of commands that the build wrote. */
export function readCommandList(): ListedCommand[] {
  const commands: ListedCommand[] = JSON.parse(readFileSync(commandListFile, 'utf8'));
  return commands;
}
