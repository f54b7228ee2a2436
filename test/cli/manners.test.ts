// How the command behaves on a terminal, in CI and for people who mistype.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, loadProgram } from '../../dist/cli/program.js';
import { ConfigFolder } from '../config/folder.js';
import { runInOneProcess } from './in-one-process.js';
import { main, runCommand, runNode } from './run-command.js';
import { runAllInTerminal, runInTerminal } from './run-in-terminal.js';

const program = await loadProgram();
const helpProgram = await createProgram(['--help']);
const commands = program.commands.map((command) => command.name());

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens(
    'tokens',
    Array.from({ length: 200 }, (_, i) => 1 + ((i * 7) % 300)),
  );
  folder.json('ragged.json', {
    data: 'tokens',
    loader: { batchSize: 7 },
    curriculum: {
      metrics: {
        seqlen: {
          difficulty: 'length',
          minDifficulty: 3,
          maxDifficulty: 300,
          schedule: { type: 'linear', totalSteps: 300, difficultyStep: 1 },
        },
      },
    },
    training: { steps: 200 },
  });
  folder.json('mixture.json', {
    data: { mixture: { web: { data: 'tokens' } } },
    windows: { length: 16 },
    loader: { batchSize: 7, numWorkers: 2 },
  });
  writeFileSync(
    join(folder.path, 'text.jsonl'),
    Array.from({ length: 4_000 }, (_, i) => `{"text":"${`word ${i} `.repeat(20)}"}\n`).join(''),
  );
});
afterAll(() => folder.remove());

const controlCode = String.fromCharCode(27);
/** What stands on each line; a bar that is drawn again begins at the first column. */
const linesOf = (output: string) =>
  output.split(new RegExp(`[\\n\\r]|${controlCode}\\[1?G`)).map((line) => stripVTControlCharacters(line));
const widest = (output: string) => Math.max(...linesOf(output).map((line) => [...line].length));

describe('help', () => {
  it.each(commands)('of %s has examples, and wraps at the width of the terminal', (name) => {
    for (const width of [80, 200]) {
      const command = program.commands.find((one) => one.name() === name)!;
      let help = '';
      command.configureOutput({
        getOutHelpWidth: () => width,
        writeOut: (text) => {
          help += text;
        },
      });
      command.outputHelp();
      expect(help).toMatch(new RegExp(`\nExamples:\n  .*millrace .*\\b${name}\\b`));
      expect(help.match(/\nExamples:/g)).toHaveLength(1);
      expect(widest(help.slice(0, help.indexOf('\nExamples:')))).toBeLessThanOrEqual(width);
    }
  });

  it('uses the width of the terminal', async () => {
    const [narrow, wide] = await Promise.all(
      [80, 200].map((columns) => runInTerminal(['plan', '--help'], { columns })),
    );
    const prose = (help: string) => help.slice(0, help.indexOf('\nExamples:'));
    expect(widest(prose(narrow!))).toBeLessThanOrEqual(80);
    expect(widest(prose(wide!))).toBeGreaterThan(150);
  });

  it.each([
    [['plna'], 'plan'],
    [['plan', '--spet', '3'], '--step'],
    [['inspect', 'x', '--fromat', 'csv'], '--format'],
  ])('answers %j with what was probably meant', async (args, meant) => {
    const { status, stderr } = await runInOneProcess(args);
    expect(status).toBe(2);
    expect(stderr).toContain(`(Did you mean ${meant}?)`);
  });
});

describe('on a terminal', () => {
  it.each([80, 200])('fits plans, findings and replays into %d columns', async (columns) => {
    const commands = [
      ['plan', 'ragged.json'],
      ['plan', 'mixture.json'],
      ['doctor', 'ragged.json'],
      ['plan', 'mixture.json', '--step', '3'],
      ['replay', 'mixture.json', '--step', '3'],
    ];
    const outputs = await runAllInTerminal(commands, { columns, cwd: folder.path });
    expect(outputs).toHaveLength(commands.length);
    for (const output of outputs) {
      expect(output).not.toBe('');
      expect(output).not.toMatch(/error:/);
      expect(widest(output)).toBeLessThanOrEqual(columns);
    }
    expect(outputs[2]).toMatch(/skewed-lengths/);
  });

  it('has colors, unless NO_COLOR is set', async () => {
    const color = new RegExp(`${controlCode}\\[[0-9;]+m`);
    expect(await runInTerminal(['doctor', 'ragged.json'], { columns: 80, cwd: folder.path })).toMatch(color);
    const plain = await runInTerminal(['doctor', 'ragged.json'], {
      columns: 80,
      cwd: folder.path,
      environment: { NO_COLOR: '1' },
    });
    expect(plain).toMatch(/skewed-lengths/);
    expect(plain).not.toMatch(color);
  });

  it.each([80, 200])('draws progress in one line of at most %d columns', async (columns) => {
    const output = await runInTerminal(
      ['convert', 'text.jsonl', '--output', `out-${columns}`, '--tokenizer', 'bytes'],
      { columns, cwd: folder.path },
    );
    const bars = linesOf(output).filter((line) => /[█░]/.test(line));
    expect(bars.length).toBeGreaterThan(0);
    for (const bar of bars) expect([...bar].length).toBeLessThan(columns);
  });

  it('writes plain lines in CI', async () => {
    const output = await runInTerminal(
      ['convert', 'text.jsonl', '--output', 'out-ci', '--tokenizer', 'bytes'],
      { columns: 80, cwd: folder.path, environment: { CI: 'true' } },
    );
    expect(output).not.toMatch(new RegExp(`[█░]|${controlCode}`));
    expect(output).toMatch(/^Converting +[\d.]+ m?s\nJoining parts +[\d.]+ m?s {2}4,000 documents/);
  });
});

describe('--quiet', () => {
  it('keeps the result', async () => {
    const { stdout, stderr, status } = await runCommand(
      ['convert', 'text.jsonl', '--output', 'out-quiet', '--tokenizer', 'bytes', '--quiet'],
      { cwd: folder.path },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Wrote out-quiet\.bin and out-quiet\.idx: 4,000 documents/);
  });
});

describe('millrace completion', () => {
  beforeAll(async () => {
    const { stdout } = await runInOneProcess(['completion', 'bash']);
    writeFileSync(join(folder.path, 'completion.bash'), stdout);
  });
  const complete = async (...words: string[]) => {
    const typed = words.map((word) => `'${word}'`).join(' ');
    const probe = `source completion.bash; COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _millrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const result = await promisify(execFile)('bash', ['-c', probe], { cwd: folder.path });
    return result.stdout.trim().split('\n');
  };

  it('completes commands, flags, values of flags and files in bash', async () => {
    expect(await complete('millrace', 'pl')).toEqual(['plan']);
    expect(await complete('millrace', '')).toEqual(expect.arrayContaining(commands));
    expect(await complete('millrace', 'plan', '--wor')).toEqual(['--world-size']);
    expect(await complete('millrace', 'inspect', '--format', 'pa')).toEqual(['parquet']);
    expect(await complete('millrace', 'plan', 'rag')).toEqual(['ragged.json']);
  });

  it.each(['zsh', 'fish'])('names every command and flag for %s', async (shell) => {
    const { stdout, status } = await runInOneProcess(['completion', shell]);
    expect(status).toBe(0);
    for (const command of program.commands) {
      expect(stdout).toContain(command.name());
      for (const { long } of command.options.filter(({ hidden }) => !hidden))
        expect(stdout).toContain(shell === 'fish' ? `-l ${long!.slice(2)}` : `${long}[`);
    }
  });
});

describe('millrace --help, --version and completion', () => {
  it.each([['--help'], ['--version'], ['completion', 'bash'], ['help']])(
    'load no command: %s %s',
    async (...words) => {
      const printUrls =
        'data:text/javascript,export const load = (url, context, next) => (process._rawDebug(url), next(url, context))';
      const { stdout, stderr, status } = await runNode([
        '--no-warnings',
        '--experimental-loader',
        printUrls,
        main,
        ...words,
      ]);
      expect(status).toBe(0);
      expect(stdout).not.toBe('');
      const loaded = new Set(stderr.match(/^file:.*/gm));
      expect(loaded.size).toBeGreaterThan(5);
      expect(loaded.size).toBeLessThan(60);
    },
  );

  it('show the same list of commands as the commands themselves', () => {
    const term = (command: Command) => command.createHelp().subcommandTerm(command);
    const listed = helpProgram.commands.map((command) => [term(command), command.summary()]);
    expect(listed).toEqual(program.commands.map((command) => [term(command), command.summary()]));
  });
});
