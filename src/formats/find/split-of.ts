/** Keywords that Hugging Face `datasets` recognizes as splits in names of files and folders. */
const keywords: readonly (readonly [split: string, words: readonly string[]])[] = [
  ['train', ['train', 'training']],
  ['validation', ['validation', 'valid', 'dev', 'val']],
  ['test', ['test', 'testing', 'eval', 'evaluation']],
];

/** Delimiters of a keyword: `my-train-data.csv` names a split, `trainer.csv` does not. */
const separator = '[-._ 0-9/]';

const patterns = keywords.map(
  ([split, words]) =>
    [split, new RegExp(`(^|${separator})(${words.join('|')})($|${separator})`, 'i')] as const,
);

/** Shards as named by Hugging Face `datasets`: `data/train_sft-00000-of-00003.parquet`. */
const sharded = /^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}\b/;

/**
 * The split of a file, by the naming rules of Hugging Face `datasets`: the deepest folder that names one, then the file name,
 * then the name of its shards. `undefined` if none names a split.
 *
 * @param name - Relative to the data set, with `/` between folders.
 */
export function splitOf(name: string): string | undefined {
  const [file = '', ...folders] = name.split('/').reverse();
  for (const folder of folders) {
    const split = keywordIn(folder);
    if (split) return split;
  }
  return keywordIn(file) ?? sharded.exec(file)?.[1];
}

/** Whether a pattern or name names a split. */
export function namesSplit(text: string): boolean {
  return text.split(/[/{},]/).some((part) => keywordIn(part) !== undefined);
}

function keywordIn(part: string): string | undefined {
  return patterns.find(([, pattern]) => pattern.test(part))?.[0];
}
