import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { benchFolder } from './measure.js';

const vocabulary = Array.from({ length: 5_000 }, (_, k) => `word${k.toString(36)}`);

/** Writes documents of 40 words as JSON Lines, one in ten a copy of an earlier one. Kept between runs. */
export function corpusFile(documents: number): string {
  const path = `${benchFolder()}/corpus-${documents}.jsonl`;
  if (existsSync(path)) return path;
  const file = openSync(`${path}.partial`, 'w');
  for (let start = 0; start < documents; start += 1_000) {
    let lines = '';
    for (let id = start; id < Math.min(documents, start + 1_000); id++) {
      let state = (id % 10 === 9 ? id - 9 : id) + 1;
      const words = Array.from({ length: 40 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return vocabulary[Math.floor((state / 2 ** 32) * vocabulary.length)];
      });
      lines += `${JSON.stringify({ id, text: words.join(' ') })}\n`;
    }
    writeSync(file, lines);
  }
  closeSync(file);
  renameSync(`${path}.partial`, path);
  return path;
}
