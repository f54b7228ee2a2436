// Keeps keys that come from outside (columns, fields, options, states, messages) plain data. An object literal has a prototype: in it
// `table[key]` finds `constructor`, and `record[key] = value` with `__proto__` changes what it inherits. So src/ never indexes an object
// with a key that is only known as a string: it uses the functions of src/core/record.ts, a Map, or Object.entries and Object.fromEntries.

import { join, relative } from 'node:path';
import ts from 'typescript';
import { root } from './toolchain.js';

/** The one file that may do it. */
const exempt = 'src/core/record.ts';

const { options, fileNames } = readConfig();
// node scripts/check-keys.js [FILE …]: the project's sources where none is named.
const files = process.argv.length > 2 ? process.argv.slice(2) : fileNames;
const program = ts.createProgram({ rootNames: files, options: { ...options, noEmit: true } });
const checker = program.getTypeChecker();
const found = files
  .filter((file) => !file.endsWith(exempt))
  .flatMap((file) => violationsIn(program.getSourceFile(file)));

for (const { file, line, text } of found) console.error(`${file}:${line}  ${text}`);
if (found.length > 0) {
  console.error(
    `\nAn object is indexed by a key that may come from outside. Use ownValue, setOwn or hasOwn of ${exempt}, or a Map.`,
  );
  process.exitCode = 1;
}

function readConfig() {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  return ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), {}, host);
}

function fail(diagnostic) {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}

function violationsIn(source) {
  const violations = [];
  const visit = (node) => {
    if (isForeignLookup(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      violations.push({
        file: relative(root, source.fileName),
        line: line + 1,
        text: node.getText().split('\n')[0],
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return violations;
}

function isForeignLookup(node) {
  if (ts.isElementAccessExpression(node)) return isAnyString(node.argumentExpression);
  return (
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind === ts.SyntaxKind.InKeyword &&
    !ts.isPrivateIdentifier(node.left) &&
    isAnyString(node.left)
  );
}

/** Whether an expression is only known to be a string; a cast to something narrower does not make it known. */
function isAnyString(expression) {
  if (
    ts.isAsExpression(expression) ||
    ts.isNonNullExpression(expression) ||
    ts.isParenthesizedExpression(expression)
  )
    return isAnyString(expression.expression);
  const type = checker.getTypeAtLocation(expression);
  const parts = type.isUnion() ? type.types : [type];
  return parts.some(
    ({ flags }) => flags & (ts.TypeFlags.String | ts.TypeFlags.Any | ts.TypeFlags.TemplateLiteral),
  );
}
