// Conversations made from the documents of this repository, and the tokenizer that encodes them.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benchFolder } from './measure.js';

/** They give 15 MB: a small job of fine-tuning. */
const copies = 36;

/** Path of the conversations; creates them if they do not exist. Each asks for a section of a document, and answers with it. */
export function chatFile(): string {
  const path = `${benchFolder()}/chats-${copies}.jsonl`;
  if (existsSync(path)) return path;
  const docs = fileURLToPath(new URL('../docs', import.meta.url));
  const pages = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  const sections = pages.flatMap((page) => readFileSync(`${docs}/${page}`, 'utf8').split(/^(?=#+ )/m));
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
