// The error codes, read from the source: every class with a `code`, and its docstring.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../toolchain.js';

/** The line of docs/troubleshooting.md after which the entries follow. */
export const entriesMark =
  '<!-- Written by `node scripts/docs/write-error-codes.js` from the docstrings. Do not edit below. -->';

/** The entries of docs/troubleshooting.md as Markdown: one per error code. */
export function errorEntries() {
  return errorCodes()
    .map(({ code, name, summary, origin, remedy }) =>
      [
        `## ${code}`,
        `\`${name}\`: ${summary}`,
        `**Where it comes from.** ${origin}`,
        `**What to do.** ${remedy}`,
      ].join('\n\n'),
    )
    .join('\n\n');
}

/** Every code in src/ with the name and docstring of its class, in the order of the files. */
function errorCodes() {
  return readdirSync(`${root}src`, { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .filter((text) => text.includes('ERR_MILLRACE_'))
    .flatMap((text) => ts.createSourceFile('errors.ts', text, ts.ScriptTarget.Latest, true).statements)
    .filter(ts.isClassDeclaration)
    .flatMap((node) => codesOf(node).map((code) => ({ code, ...docsOf(node) })));
}

function codesOf(node) {
  return node.members
    .filter((member) => ts.isPropertyDeclaration(member) && member.name.getText() === 'code')
    .filter(({ initializer }) => initializer && ts.isStringLiteral(initializer))
    .map(({ initializer }) => initializer.text);
}

function docsOf(node) {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const tag = (name) => oneLine(comment?.tags?.find(({ tagName }) => tagName.text === name)?.comment);
  return {
    name: node.name.text,
    summary: oneLine(comment?.comment),
    origin: tag('origin'),
    remedy: tag('remedy'),
  };
}

function oneLine(comment) {
  const text = ts.getTextOfJSDocComment(comment) ?? '';
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .trim();
}
