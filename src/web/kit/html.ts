import { ownValue } from '../../core/record.js';

/** HTML or SVG source, which templates insert unescaped. */
export class Markup {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  toString(): string {
    return this.source;
  }
}

/** Content of a template. Markup is inserted unchanged, lists are joined, `false` and `undefined` are omitted, everything else is escaped. */
export type Content = Markup | string | number | false | undefined | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Creates markup from a template. Escapes the inserted values, in text and in quoted attributes. */
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
