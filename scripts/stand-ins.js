// Makes dist/browser/absent-names.js: every name that src/ imports from a module in whose place bundlers for browsers put no-node.js
// (`browser` in package.json), and that src/browser/no-node.ts does not write out. The other modules that stand in for one are written by
// hand: they must have the names that are imported.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import ts from 'typescript';
import { root } from './toolchain.js';

/** Stands in for most modules. */
const noNode = 'browser/no-node';
/** Modules that are imported as a whole: what no-node.ts exports as its default stands in for them. */
const wholes = ['braces', 'yauzl'];

const { browser } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
/** The names that are imported through each stand-in, and where. */
const imported = new Map([...new Set(Object.values(browser))].map((path) => [moduleOf(path), new Map()]));

/** Files without any of their names need not be parsed. */
const replaced = Object.keys(browser).map((module) => `${posix.basename(module)}'`);

for (const file of readdirSync(`${root}/src`, { recursive: true }))
  if (/(?<!\.d)\.ts$/.test(file)) collectImports(file.replaceAll('\\', '/'));

for (const [standIn, names] of imported) {
  const written = exportsOf(standIn);
  const missing = [...names.keys()].filter((name) => !written.includes(name)).sort();
  if (standIn === noNode) {
    for (const name of written)
      if (name !== 'default' && !names.has(name))
        fail(`src/${noNode}.ts exports ${name}, which is imported nowhere`);
    writeAbsentNames(missing);
  } else if (missing.length > 0)
    fail(`src/${standIn}.ts must export ${missing[0]}, which src/${names.get(missing[0])} imports`);
}

/** @param names - Functions that say what to do instead, when they are called. */
function writeAbsentNames(names) {
  const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ absent('${name}');`);
  const content = `import { absent } from './absent.js';\n${lines.join('\n')}\n`;
  writeFileSync(`${root}/dist/browser/absent-names.js`, content);
}

/** Notes what a module takes at run time from those that are replaced. */
function collectImports(file) {
  const code = readFileSync(`${root}/src/${file}`, 'utf8');
  if (!replaced.some((name) => code.includes(name))) return;
  const note = (specifier, names) => {
    const standIn = browser[specifier.startsWith('.') ? builtPath(file, specifier) : specifier];
    if (standIn === undefined) return;
    if (names === undefined && !wholes.includes(specifier))
      fail(
        `src/${file} imports ${specifier} as a whole: name what it needs, so that bundles for browsers have it`,
      );
    for (const name of names ?? ['default']) imported.get(moduleOf(standIn)).set(name, file);
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      const { importClause: clause, moduleSpecifier } = node;
      if (clause && clause.phaseModifier !== ts.SyntaxKind.TypeKeyword)
        note(moduleSpecifier.text, clause.name ? undefined : namesOf(clause.namedBindings));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      if (!node.isTypeOnly) note(node.moduleSpecifier.text, namesOf(node.exportClause));
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (ts.isStringLiteral(specifier)) note(specifier.text, namesOf(node.parent.parent.name));
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(code));
}

/** The names in `{ a, b as c, type D }` or `const { a, b: c }`, as the module that has them calls them; `undefined` for all it has. */
function namesOf(bindings) {
  const isList = bindings && 'elements' in bindings;
  return isList
    ? bindings.elements
        .filter(({ isTypeOnly }) => !isTypeOnly)
        .map((one) => (one.propertyName ?? one.name).text)
    : undefined;
}

/** The names that a module of src/ exports at run time and writes out itself. */
function exportsOf(module) {
  return parse(readFileSync(`${root}/src/${module}.ts`, 'utf8')).statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement))
      return namesOf(statement.exportClause) === undefined ? [] : exportedAs(statement);
    if (ts.isExportAssignment(statement)) return ['default'];
    const isExported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      return [];
    const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    return declared.map(({ name }) => name.text);
  });
}

function exportedAs({ exportClause }) {
  return exportClause.elements.map(({ name }) => name.text);
}

function parse(code) {
  return ts.createSourceFile('module.ts', code, ts.ScriptTarget.ES2022, true);
}

/** `./dist/browser/no-node.js` is `browser/no-node`. */
function moduleOf(path) {
  return path.replace(/^\.\/dist\/|\.js$/g, '');
}

function builtPath(file, specifier) {
  return `./${posix.join('dist', dirname(file), specifier)}`;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
