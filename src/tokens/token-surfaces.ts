// Tokens of tokenizers that write `▁` for a space, and `<0xE2>` for a byte that no other token covers.
import { CapabilityError } from '../core/errors.js';
import type { TokenSpans } from './token-engine.js';

/** Stands for a space in such tokens. */
export const spaceSymbol = '▁';

/**
 * The part of a text that each token covers. Such tokenizers do not report it, but it follows from the tokens if these, written
 * with spaces and with their bytes joined, spell the text.
 *
 * @throws {@link CapabilityError} if they do not.
 */
export function spansOfTokens(text: string, ids: readonly number[], tokens: readonly string[]): TokenSpans {
  const starts: number[] = [];
  const ends: number[] = [];
  const spaced = text.replaceAll(spaceSymbol, ' ');
  let cursor = 0;
  for (let k = 0; k < tokens.length; ) {
    const bytes = byteRun(tokens, k);
    const count = Math.max(1, bytes.length);
    const surface =
      bytes.length > 0
        ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
        : tokens[k]!.replaceAll(spaceSymbol, ' ');
    // Some tokenizers put a space before the text.
    const shown = cursor === 0 && !spaced.startsWith(surface) ? surface.replace(/^ /, '') : surface;
    if (!spaced.startsWith(shown, cursor)) throw noPositions(tokens[k]!, cursor);
    for (let n = 0; n < count; n++) {
      starts.push(cursor);
      ends.push(cursor + shown.length);
    }
    cursor += shown.length;
    k += count;
  }
  if (cursor !== text.length) throw noPositions('the end', cursor);
  return { ids, starts, ends };
}

/** Runs of byte tokens as text; U+FFFD for each byte of a run that is not UTF-8, as in Hugging Face `tokenizers`. */
export function joinBytes(parts: readonly string[]): string[] {
  const joined: string[] = [];
  for (let k = 0; k < parts.length; ) {
    const bytes = byteRun(parts, k);
    if (bytes.length === 0) joined.push(parts[k]!);
    else {
      try {
        joined.push(
          new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)),
        );
      } catch {
        joined.push('\ufffd'.repeat(bytes.length));
      }
    }
    k += Math.max(1, bytes.length);
  }
  return joined;
}

/** The bytes of consecutive tokens such as `<0xE2>`, from token `start` on. */
function byteRun(tokens: readonly string[], start: number): number[] {
  const bytes: number[] = [];
  for (let k = start; k < tokens.length; k++) {
    const [, hex] = /^<0x([0-9A-F]{2})>$/.exec(tokens[k]!) ?? [];
    if (hex === undefined) break;
    bytes.push(Number.parseInt(hex, 16));
  }
  return bytes;
}

function noPositions(token: string, position: number): CapabilityError {
  return new CapabilityError(
    'The tokens of this tokenizer do not spell the text, so a loss mask cannot be aligned with them',
    {
      where: { token, position },
      next: 'Use a byte-level or SentencePiece-style tokenizer that keeps the text as it is, or make the labels in a transform.',
    },
  );
}
