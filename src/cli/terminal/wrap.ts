import { visibleText } from '../../core/visible-text.js';

/** Options of {@link wrapText}. */
export interface WrapOptions {
  /** Maximum columns of a line. */
  readonly width: number;
  /** Prefix of the first line. */
  readonly first: string;
  /** Number of spaces before the other lines. */
  readonly indent: number;
}

/** Wraps text at spaces to at most `width` columns. A longer word gets its own line. */
export function wrapText(text: string, { width, first, indent }: WrapOptions): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of visibleText(text).split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Columns of a terminal, clamped to 40 … 160; 100 without a terminal. */
export function terminalWidth(stream: { readonly columns?: number | undefined }): number {
  return Math.min(160, Math.max(40, stream.columns ?? 100));
}
