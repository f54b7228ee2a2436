// Questions about the terms of this project, with the answers of its glossary.
import { readFileSync } from 'node:fs';

const glossary = new URL('../../docs/glossary.md', import.meta.url);

/** Conversations of one question and one answer, in the layout `messages`. */
export function readConversations() {
  const rows = readFileSync(glossary, 'utf8').matchAll(/^\| (\*\*.+) \| (.+) \|$/gm);
  return Array.from(rows, ([, term, meaning]) => ({
    messages: [
      { role: 'user', content: `What is ${term.replaceAll('*', '')}?` },
      { role: 'assistant', content: meaning.replaceAll(/[*`]/g, '') },
    ],
  }));
}
