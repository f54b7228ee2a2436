import type { ListedCommand, ListedFlag } from './command-list.js';

/** Supported shells. */
export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** Renders the completion script of a shell. The script does not run the command. */
export function completionScript(shell: Shell, commands: readonly ListedCommand[]): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly ListedCommand[]): string {
  const cases = commands.map(({ name, flags, words }) => {
    const values = flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) => `        ${flag}) words="${choices.join(' ')}" ;;`);
    const files = flags
      .filter(({ takesValue, choices }) => takesValue && choices.length === 0)
      .map(({ flag }) => flag);
    const after = [...values, ...(files.length > 0 ? [`        ${files.join('|')}) words="" ;;`] : [])];
    return [
      `    ${name})`,
      `      words="${[...flags.map(({ flag }) => flag), '--help', ...words].join(' ')}"`,
      ...(after.length > 0 ? ['      case "$before" in', ...after, '      esac'] : []),
      '      ;;',
    ].join('\n');
  });
  return `# Completion of millrace for bash: eval "$(millrace completion bash)"
_millrace() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ "$COMP_CWORD" -gt 1 ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _millrace millrace
`;
}

function zsh(commands: readonly ListedCommand[]): string {
  const names = commands.map(({ name, summary }) => `    ${single(`${name}:${summary}`)}`);
  const cases = commands.map(({ name, flags, words }) => {
    const specs = flags.map((flag) => `        ${single(zshSpec(flag))}`);
    const rest = words.length > 0 ? `*:word:(${words.join(' ')})` : '*:file:_files';
    return `    ${name})\n      _arguments \\\n${[...specs, `        ${single(rest)}`].join(' \\\n')}\n      ;;`;
  });
  return `#compdef millrace
# Completion of millrace for zsh: eval "$(millrace completion zsh)"
_millrace() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name="$words[2]"
  words=("$words[1]" "\${(@)words[3,-1]}")
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
}
compdef _millrace millrace
`;
}

function zshSpec({ flag, description, takesValue, choices }: ListedFlag): string {
  const text = description.replaceAll(/[[\]:]/g, ' ');
  const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : takesValue ? ':value:_files' : '';
  return `${flag}[${text}]${value}`;
}

function fish(commands: readonly ListedCommand[]): string {
  const lines = commands.flatMap(({ name, summary, flags, words }) => [
    `complete -c millrace -n __fish_use_subcommand -f -a ${name} -d ${single(summary)}`,
    ...flags.map(({ flag, description: text, takesValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a ${single(choices.join(' '))}` : takesValue ? ' -r' : '';
      return `complete -c millrace -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${value} -d ${single(text)}`;
    }),
    ...(words.length > 0
      ? [`complete -c millrace -n '__fish_seen_subcommand_from ${name}' -f -a ${single(words.join(' '))}`]
      : []),
  ]);
  return `# Completion of millrace for fish: millrace completion fish | source\n${lines.join('\n')}\n`;
}

/** Quotes a text for any shell and joins its lines. */
function single(text: string): string {
  return `'${text.replaceAll(/\s+/g, ' ').replaceAll("'", '’')}'`;
}
