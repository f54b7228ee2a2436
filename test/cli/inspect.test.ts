import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { create } from 'tar';
import { afterAll, describe, expect, it } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';
import { runInOneProcess as runCommand } from './in-one-process.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'millrace-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('millrace inspect', () => {
  it.each([
    ['table-zstd.parquet', 'parquet', 1_000, 'score'],
    ['table-lz4.feather', 'arrow', 1_000, 'score'],
    ['table.csv', 'csv', 1_000, 'score'],
    ['rows.jsonl.gz', 'jsonl', 1_000, 'score'],
    ['shard-{000..002}.tar', 'webdataset', 12, 'cls'],
    ['mds-zstd', 'mds', 12, 'tokens'],
    ['float32.npy', 'npy', 5, 'array'],
    ['arrays.npz', 'npz', 5, 'int64'],
    ['arrays.safetensors', 'safetensors', 5, 'bfloat16'],
    ['../images', 'images', 53, 'class'],
    ['make_mds.py', 'text', undefined, ''],
  ] as const)('tells what %s is', async (name, format, length, column) => {
    const args = format === 'text' ? ['--format', 'text'] : [];
    const { status, stdout, stderr } = await runCommand(['inspect', fixture(name), '--json', ...args]);
    expect([status, stderr]).toEqual([0, '']);
    const inspection = JSON.parse(stdout) as {
      format: string;
      length: number;
      columns: { name: string }[];
      samples: unknown[];
    };
    expect(inspection.format).toBe(format);
    if (length) expect(inspection.length).toBe(length);
    expect(inspection.columns.map((known) => known.name)).toContain(column);
    expect(inspection.samples).toHaveLength(3);
  });

  it.each([
    [{ messages: [], tools: [], images: [] }, 'messages: messages with roles, with tools, with images'],
    [{ conversations: [] }, 'sharegpt: ShareGPT turns'],
    [{ prompt: 'p', completion: 'c' }, 'prompt-completion: a prompt and its completion'],
    [{ instruction: 'i', input: '', output: 'o' }, 'instruction: an instruction, its input and its output'],
    [{ chosen: [], rejected: [] }, 'preference: a chosen and a rejected answer'],
    [{ text: 't' }, 'text: plain text'],
    [{ text: 't', messages: [] }, 'ambiguous: messages (messages); text (text)'],
    [{ body: 'x' }, undefined],
  ])('names the layout of conversations %j', async (row, layout) => {
    const file = join(folder, 'chat.jsonl');
    writeFileSync(file, JSON.stringify(row));
    const { stdout } = await runCommand(['inspect', file]);
    expect(/ {2}chat layout +(.*)/.exec(stdout)?.[1]).toBe(layout);
  });

  it('shows a sample in readable form, with the text of its tokens', async () => {
    const builder = new IndexedDatasetBuilder(join(folder, 'tokens'), { dtype: 'uint8' });
    for (const text of ['first', 'the second document']) builder.addItem(Array.from(Buffer.from(text)));
    builder.endDocument();
    builder.finalize();
    const shown = await runCommand([
      'inspect',
      join(folder, 'tokens'),
      '--tokenizer',
      'bytes',
      '--index',
      '1',
    ]);
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toMatch(/tokens: indexed tokens\n {2}samples +2\n/);
    expect(shown.stdout).toMatch(/sample 1\n {2}uint8 \[19\]: 116 104 101 .*\n {2}"the second document"/);
    expect(shown.stdout.split('\n').every((line) => line.length <= 100)).toBe(true);
    const beyond = await runCommand(['inspect', join(folder, 'tokens'), '--index', '2']);
    expect(beyond.status).toBe(1);
    expect(beyond.stderr).toMatch(/^error: .*has no sample 2 .*Indices are from 0 to 1\.\n$/);
  });

  it('shows consecutively numbered columns as one, even for a file without column names', async () => {
    const digits = fileURLToPath(new URL('../../examples/data/digits.csv.gz', import.meta.url));
    const { status, stdout } = await runCommand(['inspect', digits, '--samples', '1']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/samples +1,797\n/);
    expect(stdout).toMatch(/\ncolumn0 … column64 +number \(65 columns\)\n/);
    expect(stdout).toMatch(/sample 0\n {2}column0 … column64 {2}\[0,0,5,13,9,1,0,/);
  });

  it('writes a page with all content, escaped, and images', async () => {
    const server = await new ObjectServer().start();
    const text = `${JSON.stringify({ caption: '<b>a & b</b>' })}\n`;
    const url = server.put('/rows.jsonl', Buffer.from(text));
    const page = join(folder, 'page.html');
    expect(await runCommand(['inspect', url, '--html', page])).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(page, 'utf8')).toContain('&lt;b&gt;a &amp; b&lt;/b&gt;');
    expect(readFileSync(page, 'utf8')).not.toContain('<b>a');
    await server.stop();
    copyFileSync(fixture('../images/color.png'), join(folder, '0.png'));
    writeFileSync(join(folder, '0.cls'), '7');
    await create({ file: join(folder, 'images.tar'), cwd: folder }, ['0.png', '0.cls']);
    const images = await runCommand(['inspect', join(folder, 'images.tar'), '--html', page]);
    expect(images.stdout).toMatch(/png +png, \d+ bytes\n +cls +7/);
    const encoded = readFileSync(fixture('../images/color.png'), 'base64');
    const classes = join(folder, 'classes');
    mkdirSync(join(classes, 'red'), { recursive: true });
    copyFileSync(fixture('../images/color.png'), join(classes, 'red', '1.png'));
    const pageOfFolder = join(folder, 'folder.html');
    expect((await runCommand(['inspect', classes, '--html', pageOfFolder])).stdout).toMatch(/class +"red"/);
    expect(readFileSync(pageOfFolder, 'utf8')).toContain(
      `<img src="data:image/png;base64,${encoded}" alt="image of sample 0">`,
    );
    expect(readFileSync(page, 'utf8')).toContain(
      `<img src="data:image/png;base64,${encoded}" alt="png of sample 0">`,
    );
  });

  it('names the remedy for an unknown format or missing data', async () => {
    writeFileSync(join(folder, 'what'), 'unknown bytes');
    const unknown = await runCommand(['inspect', join(folder, 'what')]);
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/The format is unknown.*one of jsonl, csv/);
    const absent = await runCommand(['inspect', join(folder, 'absent.csv')]);
    expect(absent.stderr).toMatch(/no such file or folder.*absent\.csv/);
    expect((await runCommand(['inspect'])).status).toBe(2);
  });
});

describe('millrace verify of data', () => {
  it('reads everything and confirms that it is readable', async () => {
    const { status, stdout } = await runCommand(['verify', fixture('table-zstd.parquet')]);
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/^1,000 samples of .*table-zstd\.parquet are readable\.\n$/),
    ]);
  });

  it('names every damaged sample and fails', async () => {
    const path = join(folder, 'damaged.jsonl');
    writeFileSync(path, '{"a": 1}\n{"a": \n{"a": 3}\nx\n');
    const { status, stdout, stderr } = await runCommand(['verify', path]);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^2 of 4 samples of .* are damaged:\n {2}Row 1 is not JSON.*byte offset 9.*\n {2}Row 3 is not JSON/,
    );
    expect(stderr).not.toContain('error');
    const json = await runCommand(['verify', path, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      samples: 4,
      damagedCount: 2,
      damaged: [{ index: 1, where: { row: 1 } }, { index: 3 }],
    });
    const bytes = readFileSync(fixture('table-zstd.parquet'));
    bytes.fill(0xff, 10_000, 10_500);
    const parquet = join(folder, 'damaged.parquet');
    writeFileSync(parquet, bytes);
    expect((await runCommand(['verify', parquet])).status).toBe(1);
  });
});
