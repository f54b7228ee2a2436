import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ChatMessage } from 'millrace/tokens';

/** What transformers and tokenizers gave for a tokenizer; `test/golden/chat/make.py` writes it. */
export interface TokenizerVectors {
  readonly templates: Readonly<Record<string, string>>;
  readonly texts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly idsWithSpecial: readonly number[];
    readonly decoded: string;
    readonly decodedWithoutSpecial?: string;
  }[];
  readonly conversations: readonly {
    readonly messages: readonly ChatMessage[];
    readonly tools?: readonly unknown[];
    readonly addGenerationPrompt: boolean;
    readonly text?: string;
    readonly ids?: readonly number[];
    readonly error?: string;
  }[];
  readonly marked: readonly {
    readonly template: string;
    readonly messages: readonly ChatMessage[];
    readonly ids: readonly number[];
    readonly assistantMask: readonly number[];
  }[];
}

/** The tokenizers whose vectors are committed. */
export const goldenTokenizers = ['qwen-like', 'llama-like', 'sentencepiece-like'] as const;

export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`../golden/chat/${name}`, import.meta.url));
}

export function goldenVectors(name: string): TokenizerVectors {
  return JSON.parse(readFileSync(`${goldenFolder(name)}/vectors.json`, 'utf8')) as TokenizerVectors;
}
