// Conversations made from the documents of this repository and of the packages it installs, and the tokenizer that encodes them.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benchFolder } from './measure.js';

/** They give 20 MB: a small job of fine-tuning. */
const copies = 2;

/** Path of the conversations; creates them if they do not exist. Each asks for a section of a document, and answers with it. */
export function chatFile(): string {
  const path = `${benchFolder()}/chats-of-packages.jsonl`;
  if (existsSync(path)) return path;
  const pages = ['../docs', '../node_modules'].flatMap((name) => {
    const folder = fileURLToPath(new URL(name, import.meta.url));
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names
      .filter((each) => each.endsWith('.md'))
      .sort()
      .map((each) => `${folder}/${each}`);
  });
  const sections = pages.flatMap((page) => readFileSync(page, 'utf8').split(/^(?=#+ )/m));
  const rows = Array.from({ length: copies }, (_, copy) =>
    sections.map((section, k) => {
      const [title, ...lines] = section.split('\n');
      const messages = [
        { role: 'user', content: `${copy}: what does the page say about ${title}?` },
        { role: 'assistant', content: `${k}. ${lines.join('\n').trim()}` },
      ];
      return `${JSON.stringify({ messages })}\n`;
    }),
  );
  writeFileSync(`${path}.partial`, rows.flat().join(''));
  renameSync(`${path}.partial`, path);
  return path;
}

/** The folder of the tokenizer: `MILLRACE_TOKENIZER`, or the small one of the tests. */
export function tokenizerFolder(): string {
  return (
    process.env.MILLRACE_TOKENIZER ?? fileURLToPath(new URL('../test/golden/chat/qwen-like', import.meta.url))
  );
}
