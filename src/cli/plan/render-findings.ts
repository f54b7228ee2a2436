import { wrapText } from '../terminal/wrap.js';
import type { Finding } from './findings.js';
import type { RenderOptions } from './render-options.js';

/** Renders findings with their reasons and fixes. */
export function renderFindings(findings: readonly Finding[], { paint, width }: RenderOptions): string[] {
  return findings.flatMap(({ name, what, why, fix }) => [
    `${paint('yellow', '!')} ${paint('bold', name)}`,
    ...wrapText(what, { width, first: '  ', indent: 2 }),
    ...wrapText(why, { width, first: '  ', indent: 2 }).map((line) => paint('gray', line)),
    ...wrapText(fix, { width, first: '  → ', indent: 4 }),
  ]);
}
