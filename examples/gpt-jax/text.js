// This repository's documentation as sequences of characters.
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../docs/', import.meta.url);

/** Maximum sequence length, in characters. */
export const maxLength = 64;

/** Reads the pages and cuts them into sequences of whole words, each at most {@link maxLength} long. */
export function readSequences() {
  const pages = readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const characters = [...new Set(pages.join(''))].sort();
  const tokens = new Map(characters.map((character, token) => [character, token]));
  const sequences = pages
    .flatMap((page) => page.split('\n'))
    .flatMap((line) => line.match(/\S.{2,62}\S(?=\s|$)/g) ?? [])
    .map((text) => Int32Array.from(text, (character) => tokens.get(character)));
  return { characters, sequences };
}
