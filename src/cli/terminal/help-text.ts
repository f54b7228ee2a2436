import { wrapText } from './wrap.js';

/** Joins the lines of each paragraph, so that they can be wrapped again. Indented lines (lists) stay separate. */
export function joinLines(text: string): string {
  return text.replaceAll(/(?<=\S)\n(?=\S)/g, ' ');
}

/** Wraps help at `width` columns, with a hanging indent for list items. */
export function wrapHelp(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      const [first = ''] = /^ */.exec(line) ?? [];
      const indent = first === '' ? 0 : first.length + 2;
      return wrapText(line.slice(first.length), { width, first, indent });
    })
    .join('\n');
}
