// The environment of the snippets in docs/tokens.md: a tokenizer with a chat template, and conversations.
import { cpSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// From test/package/docs-…/tokens/, where this file is run.
const golden = fileURLToPath(new URL('../../../golden/chat/qwen-like', import.meta.url));
cpSync(golden, 'models/qwen-like', { recursive: true });
const conversations = ['What turns the mill?', 'What does the mill make?'].map((question) => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: `${question} Water, and flour.` },
  ],
}));
writeFileSync('conversations.jsonl', conversations.map((row) => `${JSON.stringify(row)}\n`).join(''));

export const rowCount = conversations.length;
