import { visibleText } from '../../core/visible-text.js';

/** How text is broken into lines. */
export interface WrapOptions {
  /** Columns of a line. */
  readonly width: number;
  /** What the first line begins with. */
  readonly first: string;
  /** Blanks that the others begin with. */
  readonly indent: number;
}

/** Breaks text at blanks into lines of at most `width` columns; a longer word has a line of its own. */
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

/** Columns of a terminal, within what is readable; 100 where there is none. */
export function terminalWidth(stream: { readonly columns?: number | undefined }): number {
  return Math.min(160, Math.max(40, stream.columns ?? 100));
}
