import { visibleText } from '../../core/visible-text.js';
import type { SelectionManifest } from '../../formats/selection.js';
import { formatCount, formatShare } from '../../web/kit/numbers.js';
import { renderTable } from '../terminal/table.js';

/** Characters of the text of an example. */
const shownCharacters = 60;

/** The report of a selection for a terminal: what each rule removed, with an example, and the splits. */
export function selectionText(
  { samples, kept, rules, splits }: SelectionManifest,
  { output, html }: { readonly output: string; readonly html: string | undefined },
): string {
  const shareOf = (count: number): string => formatShare(samples === 0 ? 0 : count / samples);
  const lines = [
    `Selected ${formatCount(kept)} of ${formatCount(samples)} samples (${shareOf(kept)}) into ${output}.`,
  ];
  if (rules.length > 0) {
    const columns = [
      { title: 'Rule' },
      { title: 'Removed', align: 'right' as const },
      { title: 'Share', align: 'right' as const },
      { title: 'Example' },
    ];
    const rows = rules.map(({ name, removed, examples: [first] }) => [
      name,
      formatCount(removed),
      shareOf(removed),
      first ? `sample ${first.index}: ${excerptOf(first.text)}` : '',
    ]);
    lines.push('', renderTable(columns, rows), '');
  }
  const names = Object.keys(splits);
  if (names.length > 1)
    lines.push(
      `Splits: ${Object.entries(splits)
        .map(([name, count]) => `${name} ${formatCount(count)}`)
        .join(', ')}.`,
    );
  const opened = names.length > 1 ? `${output}#${names[0]}` : output;
  lines.push(`Use it: millrace convert … --selection ${opened}`);
  if (html !== undefined) lines.push(`Page: ${html}`);
  return `${lines.join('\n')}\n`;
}

function excerptOf(text: string): string {
  const line = visibleText(text.replace(/\s+/g, ' ').trim());
  const characters = [...line];
  return characters.length <= shownCharacters
    ? line
    : `${characters.slice(0, shownCharacters - 1).join('')}…`;
}
