/** Examples of the commands that bring none of their own. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  demo: ['millrace demo', 'millrace demo --data my/texts --tokens 200_000', 'millrace demo --resume'],
  convert: [
    'millrace convert books/ --output tokens',
    'millrace convert train.jsonl --field content --output tokens',
  ],
  analyze: [
    'millrace analyze tokens --output difficulty',
    'millrace analyze tokens --output difficulty --metrics seqlen',
  ],
  bench: ['millrace bench tokens', 'millrace bench tokens --length 1024 --workers 0 2 4'],
};

/** What stands below the help of a command. */
export function examplesText(lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n');
}
