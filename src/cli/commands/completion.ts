import { Argument, Command } from 'commander';
import { readCommandList } from '../completion/command-list.js';
import { completionScript, type Shell, shells } from '../completion/scripts.js';

/** `millrace completion`: prints a shell completion script. */
export function completionCommand(): Command {
  return new Command('completion')
    .summary('print the script that completes commands and flags in a shell')
    .description('Prints a script for bash, zsh or fish that completes commands, flags and their values.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  eval "$(millrace completion bash)"          in ~/.bashrc',
        '  eval "$(millrace completion zsh)"           in ~/.zshrc, after compinit',
        '  millrace completion fish | source           in ~/.config/fish/config.fish',
      ].join('\n'),
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, readCommandList()));
    });
}
