// The errors that programs match on, read from the source: every class whose `code` is given, with its docstring.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../toolchain.js';

/** The entries of the page on troubleshooting, as Markdown. */
export function errorEntries() {
  return errorCodes()
    .map(({ code, name, summary, origin, remedy }) =>
      [
        `## ${code}`,
        `{@link ${name}}: ${summary}`,
        `**Where it comes from.** ${origin}`,
        `**What to do.** ${remedy}`,
      ].join('\n\n'),
    )
    .join('\n\n');
}

/** Every code of src/, in the order of the files, with the name and the docstring of its class as Markdown. */
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
  return (ts.getTextOfJSDocComment(comment) ?? '').replaceAll(/\s+/g, ' ').trim();
}
