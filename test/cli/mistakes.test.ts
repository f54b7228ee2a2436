// What a user's mistake looks like: one message that says what and where, no stack trace, and a documented exit status.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configText } from '../../dist/cli/init/write-config.js';
import { loadProgram } from '../../dist/cli/program.js';
import { isLong } from '../setup/search-size.js';
import { runInOneProcess as runCommand } from './in-one-process.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const files: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module" }',
  'syntax.mjs': 'export const a = 1;\nconst = 5;\n',
  'nested.mjs': "import './syntax.mjs';\nexport default 1;\n",
  'throws.mjs': "export const a = 1;\nthrow new Error('the module threw');\n",
  'text.mjs': "throw 'only text';\n",
  'sample.mjs': "export default { length: 3, get() { throw new TypeError('get threw'); } };\n",
  'unnamed.mjs': "import { nothing } from './rows.mjs';\nexport default nothing;\n",
  'rows.mjs': 'export const rows = 1;\n',
  'bad.json': '{ bad',
  'list.json': '[1]',
  'good.json': '{ "data": "rows.jsonl" }',
  'rows.jsonl': '{"a":1}\n{"a":2}\n',
  'empty.jsonl': '',
  'broken.jsonl': '{"a":1}\n{"a":\n',
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-mistakes-'));
  mkdirSync(join(folder, 'node_modules'));
  mkdirSync(join(folder, 'folder'));
  symlinkSync(
    fileURLToPath(new URL('../..', import.meta.url)),
    join(folder, 'node_modules/millrace'),
    'junction',
  );
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const output = ['--output', 'out'];
/** A command line, its exit status, and what it says. */
const mistakes: readonly (readonly [readonly string[], number, RegExp])[] = [
  [['plan', 'missing.mjs'], 1, /There is no such file \(file missing\.mjs\)/],
  [['plan', 'syntax.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['plan', 'nested.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['doctor', 'nested.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['replay', 'syntax.mjs', '--step', '0'], 1, /file .*syntax\.mjs, line 2/],
  [['bench', 'syntax.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['verify', 'syntax.mjs', '--receipt', 'good.json'], 1, /file .*syntax\.mjs, line 2/],
  [['analyze', 'nested.mjs', ...output], 1, /file .*syntax\.mjs, line 2/],
  [['analyze', 'rows.jsonl', ...output, '--metric-module', './syntax.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['convert', 'rows.jsonl', ...output, '--tokenizer', './syntax.mjs'], 1, /file .*syntax\.mjs, line 2/],
  [['plan', 'unnamed.mjs'], 1, /unnamed\.mjs.*does not provide an export named 'nothing'/s],
  [['plan', 'throws.mjs'], 1, /throws\.mjs.*the module threw/s],
  [['plan', 'text.mjs'], 1, /text\.mjs.*only text/s],
  [['analyze', 'throws.mjs', ...output], 1, /the module threw.*throws\.mjs:2/s],
  [['analyze', 'sample.mjs', ...output, '--metrics', 'seqlen'], 1, /Sample 0 .*get threw/s],
  [['plan', 'bad.json'], 2, /bad\.json: is not JSON/],
  [['plan', 'list.json'], 2, /list\.json/],
  [['plan', 'folder'], 1, /folder/],
  [['replay', 'folder', '--step', '0'], 1, /folder/],
  [['plan', 'good.json', '--html', 'folder/missing/plan.html'], 1, /ENOENT.*plan\.html/],
  [['plan', 'good.json', '--wrong'], 2, /unknown option '--wrong'/],
  [['plan', 'good.json', '--step', 'x'], 2, /--step <n>/],
  [['init', 'missing'], 1, /missing/],
  [['init', 'good.json'], 1, /good\.json/],
  [['inspect', 'missing.jsonl'], 1, /missing\.jsonl/],
  [['inspect', 'broken.jsonl'], 1, /broken\.jsonl/],
  [['verify', 'broken.jsonl'], 1, /broken\.jsonl/],
  [['convert', 'rows.jsonl', '--output', 'good.json/x', '--to', 'parquet'], 1, /good\.json/],
  [['worker', '--redis', 'no-url'], 2, /must be a URL/],
  [['completion', 'powershell'], 2, /powershell/],
  [['unknown'], 2, /unknown command 'unknown'/],
];

describe('a mistake', () => {
  it.each(mistakes)('reports millrace %j without a stack trace', async (args, status, message) => {
    const result = await runCommand(args, { cwd: folder });
    expect(result.stderr + result.stdout).toMatch(message);
    // A line that names the place in the user's own code is no stack trace.
    expect(result.stderr.match(/^ +at /gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(result.stderr).not.toMatch(/node:internal|millrace\/dist|commander/);
    expect(result.status).toBe(status);
  });
});

describe('an output that cannot be written', () => {
  const shell = (script: string) =>
    new Promise<{ status: number | null; stderr: string }>((resolve) => {
      const child = spawn('bash', ['-c', script], { cwd: folder });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      child.on('close', (status) => resolve({ status, stderr }));
    });
  const commands = [
    '--help',
    'plan good.json --json',
    'inspect rows.jsonl',
    ...(isLong ? ['doctor good.json', 'completion bash'] : []),
  ];

  it.each(commands)('exits quietly if the reader of millrace %s has closed the pipe', async (command) => {
    // The reader ends at once; `tail` waits until it has.
    const script = `exec 3> >(exec true); wait $!; '${process.execPath}' '${main}' ${command} >&3`;
    expect(await shell(script)).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(process.platform !== 'linux').each(commands)(
    'by millrace %s is one line when the disk is full',
    async (command) => {
      const { status, stderr } = await shell(`'${process.execPath}' '${main}' ${command} > /dev/full`);
      expect(stderr).toMatch(/^error: Cannot write to standard output: ENOSPC.*\n$/);
      expect(status).toBe(1);
    },
  );
});

describe('help', () => {
  it.each([40, 80, 120])('keeps one line per list item, within %d columns', async (width) => {
    const program = await loadProgram();
    for (const command of [program, ...program.commands]) {
      let help = '';
      command.configureOutput({ getOutHelpWidth: () => width, writeOut: (text) => (help += text) });
      command.outputHelp();
      const text = help.slice(0, help.indexOf('\nExamples:'));
      const [description] = text.split(/\n(?:Arguments|Options):/);
      expect(description).not.toMatch(/\S {2,}\S/);
      if (command.name() === 'convert')
        for (const target of ['tokens', 'webdataset', 'parquet', 'jsonl'])
          expect(text).toMatch(new RegExp(`^  ${target}: `, 'm'));
    }
  });
});

describe('millrace init', () => {
  it('writes a configuration with the exact name, whatever its characters', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'binary' }),
        fc.constantFrom('jsonl', 'images'),
        (name, format) => {
          const data = { name, format, files: 1, byteLength: 1 } as never;
          const text = configText({ data, inspection: undefined, tokens: undefined, others: [name] });
          const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true });
          expect(diagnostics).toEqual([]);
          const literals: string[] = [];
          const visit = (node: ts.Node): void => {
            if (ts.isStringLiteral(node)) literals.push(node.text);
            ts.forEachChild(node, visit);
          };
          visit(ts.createSourceFile('config.ts', text, ts.ScriptTarget.ES2022));
          if (format === 'jsonl') expect(literals).toContain(name);
        },
      ),
    );
  });
});

it('prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect((await runCommand(['--version'])).stdout).toBe(`${version}\n`);
});
