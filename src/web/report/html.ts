import { ownValue } from '../../core/record.js';

/** Text that is HTML or SVG already. */
export class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  toString(): string {
    return this.source;
  }
}

/** What a template takes: markup stays as it is, lists are joined, everything else is escaped. `false` is nothing. */
export type Content = Markup | string | number | false | undefined | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Makes markup from a template; what is filled in is escaped, in text and in quoted attributes alike. */
export function html(template: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let source = template[0]!;
  for (const [i, content] of contents.entries()) source += render(content) + template[i + 1]!;
  return new Markup(source);
}

function render(content: Content): string {
  if (content === undefined || content === false) return '';
  if (content instanceof Markup) return content.source;
  if (typeof content === 'string')
    return content.replace(/[&<>"']/g, (character) => ownValue(entities, character)!);
  if (typeof content === 'number') return String(content);
  return content.map(render).join('');
}
