import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DataLoader, workerFunction } from 'millrace';
import { selectDataset } from 'millrace/analysis';
import { convert, selected } from 'millrace/convert';
import { ConfigError, FormatError, StateMismatchError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Marks, markDuplicates } from '../../dist/analysis/select/find-duplicates.js';
import { c4Quality, gopherQuality, gopherRepetition } from '../../dist/analysis/select/quality-rules.js';
import { bytesOf } from '../convert/folder-bytes.js';

let folder: string;
let outputs = 0;
const place = () => join(folder, `selection-${outputs++}`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-select-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Numbers below `limit`, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const draw = numbers(7);
const wordsOf = (count: number) => Array.from({ length: count }, () => `w${draw(4_000)}`);

/** A copy in which a share of the words is replaced. */
const edited = (words: readonly string[], share: number) =>
  words.map((word) => (draw(10_000) < share * 10_000 ? `x${draw(1e6)}` : word));

/** Jaccard similarity of the sets of 5-grams, by definition. */
function similarity(a: readonly string[], b: readonly string[]): number {
  const grams = (words: readonly string[]) =>
    new Set(Array.from({ length: words.length - 4 }, (_, k) => words.slice(k, k + 5).join(' ')));
  const [first, second] = [grams(a), grams(b)];
  const common = [...first].filter((gram) => second.has(gram)).length;
  return common / (first.size + second.size - common);
}

function write(
  name: string,
  texts: readonly (readonly string[])[],
  more: (k: number) => object = () => ({}),
) {
  const file = join(folder, name);
  const lines = texts.map((words, id) => JSON.stringify({ id, text: words.join(' '), ...more(id) }));
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const removedIn = (output: string) =>
  readFileSync(join(output, 'removed.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { index: number; rule: string; stays?: number });

it('finds planted duplicates and evaluation texts, names what stays, and removes nothing else', async () => {
  const base = Array.from({ length: 300 }, () => wordsOf(120));
  const close = base.slice(0, 100).map((words) => edited(words, 0.01));
  const far = base.slice(100, 150).map((words) => edited(words, 0.3));
  const exact = base.slice(150, 180);
  const evaluations = Array.from({ length: 10 }, () => wordsOf(40));
  const leaked = evaluations.map((words) => [...wordsOf(50), ...words.slice(5, 25), ...wordsOf(50)]);
  const texts = [...base, ...close, ...far, ...exact, ...leaked];
  const files = write('planted.jsonl', texts);
  const decontaminate = [write('evaluation.jsonl', evaluations)];
  const output = place();
  const options = { output, dedup: 'near', decontaminate, numWorkers: 0 } as const;
  const { rules, kept, samples, parameters } = await selectDataset({ files }, options);
  expect(rules.map(({ name }) => name)).toEqual(['evaluation', 'exact duplicate', 'near duplicate']);
  expect(parameters).toMatchObject({
    minHash: { bands: 14, rows: 8, n: 5, unit: 'words' },
    decontaminate: { n: 13, unit: 'words' },
  });
  const removed = new Map(removedIn(output).map((line) => [line.index, line]));
  expect(kept).toBe(samples - removed.size);
  // Evaluation: all, each with the text that it contains.
  for (let k = 0; k < 10; k++)
    expect(removed.get(480 + k)).toEqual({ index: 480 + k, rule: 'evaluation', stays: k });
  // Exact: all.
  for (let k = 0; k < 30; k++)
    expect(removed.get(450 + k)).toEqual({ index: 450 + k, rule: 'exact duplicate', stays: 150 + k });
  // Near: recall above the threshold, none far below it.
  const similar = close
    .map((words, k) => ({ k, s: similarity(words, base[k]!) }))
    .filter(({ s }) => s >= 0.85);
  const found = similar.filter(({ k }) => removed.get(300 + k)?.stays === k);
  expect(similar.length).toBeGreaterThan(60);
  expect(found.length / similar.length).toBeGreaterThan(0.95);
  for (const [k, words] of far.entries()) {
    expect(similarity(words, base[100 + k]!)).toBeLessThan(0.4);
    expect(removed.has(400 + k)).toBe(false);
  }
  for (const [index, { stays = -1 }] of removed)
    if (index < 480) expect(stays).toBe(index < 400 ? index - 300 : index - 300);
  expect([...removed.keys()].every((index) => index >= 300)).toBe(true);
  // Threads do not matter, and a finished selection is found again.
  const again = place();
  await selectDataset({ files }, { ...options, output: again, numWorkers: 2 });
  expect(bytesOf(again)).toEqual(bytesOf(output));
  await selectDataset({ files }, { ...options, output: again });
  const other = selectDataset({ files }, { ...options, output: again, dedup: 'exact' });
  await expect(other).rejects.toThrow(/holds another selection/);
});

it('keeps the split of a text when data grows, and equal texts in one split', async () => {
  const texts = Array.from({ length: 400 }, () => wordsOf(10));
  const files = write('grows.jsonl', [...texts, ...texts.slice(0, 50)], (k) => ({ weight: k % 2 }));
  const options = { splits: { train: 0.75, test: 0.25 }, numWorkers: 0 };
  const splitOf = async (output: string) => {
    const { dataset } = await openDataset(files);
    const splits = new Map<number, string>();
    for (const name of ['train', 'test'])
      for (const index of (await selected(dataset, `${output}#${name}`)).indices) splits.set(index, name);
    await dataset.close?.();
    return splits;
  };
  const before = place();
  const { splits } = await selectDataset({ files }, { ...options, output: before });
  expect(splits.train! + splits.test!).toBe(450);
  expect(splits.test! / 450).toBeGreaterThan(0.17);
  expect(splits.test! / 450).toBeLessThan(0.33);
  const first = await splitOf(before);
  for (let k = 0; k < 50; k++) expect(first.get(400 + k)).toBe(first.get(k));
  appendFileSync(files, `${JSON.stringify({ id: 450, text: 'new', weight: 0 })}\n`);
  const after = place();
  await selectDataset({ files }, { ...options, output: after });
  const second = await splitOf(after);
  for (const [index, name] of first) expect(second.get(index)).toBe(name);
  // Weights: those of 0 go, those of 1 stay with the share of the sample.
  const sampled = await selectDataset(
    { files },
    { output: place(), sample: 0.5, weight: 'weight', numWorkers: 0 },
  );
  expect(sampled.kept).toBeGreaterThan(75);
  expect(sampled.kept).toBeLessThan(150);
});

it('applies a function and a language rule; opens the rest without copying, and only of the same data', async () => {
  const texts = [
    'The weather is fine and we walk to the market',
    // cspell:disable-next-line
    'Il gatto nero dorme ancora sulla sedia della cucina',
  ];
  const files = write(
    'languages.jsonl',
    Array.from({ length: 8 }, (_, k) => [`${texts[k % 4 === 0 ? 0 : 1]!}.`]),
  );
  const output = place();
  const filter = workerFunction<(sample: never) => unknown>(
    new URL('../fixtures/keep-even.js', import.meta.url),
  );
  const { kept, rules } = await selectDataset(
    { files },
    { output, filter, languages: ['en'], numWorkers: 1 },
  );
  expect({ kept, rules: rules.map(({ removed }) => removed) }).toEqual({ kept: 2, rules: [6, 0] });
  const { dataset } = await openDataset(files);
  const chosen = await selected(dataset, output);
  expect([...chosen.indices]).toEqual([0, 4]);
  expect(await chosen.get(1, undefined as never)).toMatchObject({ id: 4 });
  await expect(selected(dataset, `${output}#test`)).rejects.toThrow(ConfigError);
  truncateSync(join(output, 'kept.indices'), 8);
  await expect(selected(dataset, output)).rejects.toThrow(FormatError);
  const other = await openDataset(write('other.jsonl', [['a'], ['b']]));
  await expect(selected(other.dataset, output)).rejects.toThrow(StateMismatchError);
  await expect(selectDataset({ files }, { output: place(), quality: ['no-such'] })).rejects.toThrow(
    /there is no rule no-such/,
  );
  await expect(selectDataset({ files }, { output: place(), splits: { a: 0.5 } })).rejects.toThrow(
    /add up to 1/,
  );
});

it('keeps samples that meet a condition, and opens them with the option `selection`, in workers too', async () => {
  const texts = Array.from({ length: 20 }, (_, k) => [`text ${k}`]);
  const files = write('scored.jsonl', texts, (k) => ({ score: k % 5, meta: { lang: k < 10 ? 'en' : 'de' } }));
  const output = place();
  const where = { score: { gte: 3 }, 'meta.lang': 'en' };
  const { kept, rules, parameters } = await selectDataset({ files }, { output, where, numWorkers: 1 });
  expect({ kept, rules: rules.map(({ name, removed }) => [name, removed]), parameters }).toMatchObject({
    kept: 4,
    rules: [['where', 16]],
    parameters: { where },
  });
  const { dataset } = await openDataset(files, { selection: output });
  const loader = new DataLoader(dataset, { batchSize: 4, numWorkers: 1 });
  for await (const { id } of loader as AsyncIterable<{ id: { data: ArrayLike<number> } }>)
    expect(Array.from(id.data, Number)).toEqual([3, 4, 8, 9]);
  await loader.close();
  const rows = await convert(files, { output: place(), to: 'jsonl', selection: output, numWorkers: 1 });
  expect(readFileSync(join(rows.output, rows.files[0]!.name), 'utf8')).toBe(
    readFileSync(files, 'utf8')
      .split('\n')
      .filter((_, k) => [3, 4, 8, 9].includes(k))
      .map((line) => `${line}\n`)
      .join(''),
  );
  await expect(convert([files, files], { output: place(), selection: output })).rejects.toThrow(
    /takes one input/,
  );
  await expect(openDataset(files, { selection: join(folder, 'none') })).rejects.toThrow(
    /There is no selection/,
  );
  const time = selectDataset({ files }, { output: place(), where: { day: { gte: new Date(0) } } });
  await expect(time).rejects.toThrow(/write a time as text in ISO 8601/);
  const mixed = selectDataset({ files }, { output: place(), where: { text: { gte: 3 } }, numWorkers: 0 });
  await expect(mixed).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/compares by gte with numbers, and the column holds text/) },
  });
  const table = join(folder, 'table.csv');
  writeFileSync(table, 'text,score\na,1\n');
  const unknown = selectDataset({ files: table }, { output: place(), where: { scores: 1 } });
  await expect(unknown).rejects.toThrow(/there is no column scores/);
});

it('marks the duplicates of random groups as by definition, in whatever order the indexes come', () => {
  const index = (values: readonly number[]) => {
    const order = values.map((_, k) => k).sort((a, b) => values[a]! - values[b]! || a - b);
    return {
      length: values.length,
      *rows() {
        const ends = new Map(order.map((k, at) => [values[k]!, at + 1]));
        yield Array.from(ends, ([value, end]) => ({ value, end }));
      },
      samplesBetween: (start: number, end: number) => Uint32Array.from(order.slice(start, end)),
    };
  };
  const run = (bands: readonly (readonly number[])[], gone: readonly boolean[]): Marks => {
    const marks = { rule: Uint8Array.from(gone, Number), stays: Uint32Array.from(gone, (_, k) => k) };
    markDuplicates(marks, 2, bands.map(index) as never);
    return marks;
  };
  const size = 12;
  const band = fc.array(fc.nat(5), { minLength: size, maxLength: size });
  const gone = fc.array(fc.boolean(), { minLength: size, maxLength: size });
  fc.assert(
    fc.property(fc.array(band, { minLength: 1, maxLength: 3 }), gone, (bands, removed) => {
      const marks = run(bands, removed);
      expect(run([...bands].reverse(), removed)).toEqual(marks);
      const rootOf = (k: number): number => {
        const earlier = Array.from({ length: k }, (_, j) => j).find(
          (j) => !removed[j] && bands.some((values) => values[j] === values[k]),
        );
        return earlier === undefined ? k : rootOf(earlier);
      };
      for (let k = 0; k < size; k++) {
        const root = removed[k] ? k : rootOf(k);
        expect(marks.stays[k]).toBe(root);
        expect(marks.rule[k]).toBe(removed[k] ? 1 : root === k ? 0 : 2);
      }
    }),
  );
});

const sentence =
  'The people of the town have to walk with their dogs and that is what they like to be doing.';
it.each([
  ['gopherQuality', gopherQuality, Array(5).fill(sentence).join('\n'), true],
  ['gopherQuality, too short', gopherQuality, sentence, false],
  ['gopherQuality, bullets', gopherQuality, Array(5).fill(`- ${sentence}`).join('\n'), false],
  ['gopherQuality, symbols', gopherQuality, Array(5).fill(`${sentence} # # #`).join('\n'), false],
  ['gopherQuality, other words', gopherQuality, Array(60).fill('casa').join(' '), false],
  ['gopherRepetition', gopherRepetition, sentence, true],
  ['gopherRepetition, lines', gopherRepetition, Array(5).fill(sentence).join('\n'), false],
  ['gopherRepetition, runs', gopherRepetition, `${'buy now '.repeat(20)}${sentence}`, false],
  [
    'gopherQuality, each symbol below its limit',
    gopherQuality,
    `${Array(5).fill(sentence).join('\n')}${' #'.repeat(9)}${' …'.repeat(9)}`,
    true,
  ],
  [
    'gopherRepetition, long runs',
    gopherRepetition,
    `${sentence} So it is, and then again: ${sentence}`,
    false,
  ],
  ['gopherRepetition, few long lines', gopherRepetition, `${sentence}\na\nb\nc\n${sentence}`, false],
  [
    'c4Quality, notice',
    c4Quality,
    `${sentence} It is so.\nPlease enable Javascript to see this page.`,
    false,
  ],
  ['c4Quality', c4Quality, `${sentence} It is so.\nWe all like to walk too.`, true],
  ['c4Quality, two sentences', c4Quality, `${sentence} It is so`, false],
  ['c4Quality, code', c4Quality, `${sentence} It is so.\nWe all like to walk too. {`, false],
])('%s', (_, rule, text, stays) => {
  expect(rule(text)).toBe(stays);
});
