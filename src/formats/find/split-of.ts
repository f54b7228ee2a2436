/** The words that Hugging Face `datasets` takes for the name of a split, in file and folder names. */
const keywords: readonly (readonly [split: string, words: readonly string[]])[] = [
  ['train', ['train', 'training']],
  ['validation', ['validation', 'valid', 'dev', 'val']],
  ['test', ['test', 'testing', 'eval', 'evaluation']],
];

/** What may stand beside a keyword: `my-train-data.csv` names a split, `trainer.csv` does not. */
const separator = '[-._ 0-9/]';

const patterns = keywords.map(
  ([split, words]) =>
    [split, new RegExp(`(^|${separator})(${words.join('|')})($|${separator})`, 'i')] as const,
);

/** Shards as Hugging Face `datasets` writes them: `data/train_sft-00000-of-00003.parquet`. */
const sharded = /^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}\b/;

/**
 * The split that a file belongs to, by the naming rules of Hugging Face `datasets`: the deepest folder that names one, else the file
 * name, else the name of its shards. `undefined` where the name says none.
 *
 * @param name - Relative to the data set, with `/` between folders.
 */
export function splitOf(name: string): string | undefined {
  const parts = name.split('/');
  const file = parts.pop()!;
  for (const folder of parts.reverse()) {
    const split = keywordIn(folder);
    if (split) return split;
  }
  return keywordIn(file) ?? sharded.exec(file)?.[1];
}

/** Whether a pattern or name says which split it means. */
export function namesSplit(text: string): boolean {
  return text.split(/[/{},]/).some((part) => keywordIn(part) !== undefined);
}

function keywordIn(part: string): string | undefined {
  return patterns.find(([, pattern]) => pattern.test(part))?.[0];
}
