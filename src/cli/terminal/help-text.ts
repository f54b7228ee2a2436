import { wrapText } from './wrap.js';

/** Joins the lines of each paragraph, which the terminal breaks; lines of a list, which begin with blanks, stay apart. */
export function joinLines(text: string): string {
  return text.replaceAll(/(?<=\S)\n(?=\S)/g, ' ');
}

/** Breaks help into lines of at most `width` columns. The further lines of a list's item are indented more than its first. */
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
