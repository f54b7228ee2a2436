import { join } from 'node:path';
import { checkedJson } from '../../core/checked-json.js';
import type { Dataset } from '../../core/dataset.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { type SelectionManifest, selectionFile, splitFile } from '../../formats/selection.js';
import { writeText } from '../../parts/work-folder.js';
import { sampleContext } from '../../random/sample-context.js';
import { FileWriter } from '../../storage/file-writer.js';
import { DifficultyFile } from '../difficulty-file.js';
import { fieldOf } from '../metrics/sample-parts.js';
import { difficultyPath } from '../reduce-analysis.js';
import { type Marks, markDuplicates } from './find-duplicates.js';
import type { SelectSettings } from './select-options.js';
import type { SelectRule } from './select-rules.js';
import { shareOfHash } from './text-hash.js';

/** Name of the file with a line for each removed sample. */
export const removedFile = 'removed.jsonl';

/** Examples of removed samples that a manifest shows for each rule. */
const mostExamples = 5;
/** UTF-16 units of the text of an example. */
const excerptLength = 200;

/** Applies the rules to what was measured, and writes the selection, its manifest last. */
export async function writeSelection(
  dataset: Dataset<unknown>,
  output: string,
  work: string,
  settings: SelectSettings,
  rules: readonly SelectRule[],
  parameters: object,
): Promise<SelectionManifest> {
  const samples = dataset.length;
  const open: DifficultyFile[] = [];
  const measured = (name: string): DifficultyFile => {
    const file = DifficultyFile.openSync(difficultyPath(work, `select-${name}`));
    open.push(file);
    return file;
  };
  try {
    const stays = samples < 2 ** 32 ? new Uint32Array(samples) : new Float64Array(samples);
    for (let sample = 0; sample < samples; sample++) stays[sample] = sample;
    const marks: Marks = { rule: new Uint8Array(samples), stays };
    const evaluations = settings.decontaminate ? measured('eval') : undefined;
    const hash = measured('hash-0');
    for (const [k, rule] of rules.entries()) {
      if (rule.name === 'exact duplicate') {
        const check = measured('hash-1');
        markDuplicates(marks, k + 1, [hash], (a, b) => check.valueOf(a) === check.valueOf(b));
      } else if (rule.name === 'near duplicate') {
        const bands = rule.metrics.map((_, band) => measured(`band-${String(band).padStart(3, '0')}`));
        markDuplicates(marks, k + 1, bands);
      } else {
        const file = rule.name === 'evaluation' ? evaluations! : measured(rule.name);
        forEachValue(file, (sample, value) => {
          if (value !== 0 && marks.rule[sample] === 0) marks.rule[sample] = k + 1;
        });
      }
    }
    const names = [...rules.map(({ name }) => name)];
    const weights = settings.weight === undefined ? undefined : measured('weight');
    if (settings.sample < 1 || weights) {
      names.push('sample');
      forEachValue(hash, (sample, value) => {
        const wanted = settings.sample * (weights?.valueOf(sample) ?? 1);
        if (marks.rule[sample] === 0 && shareOfHash(value, 'sample') >= wanted)
          marks.rule[sample] = names.length;
      });
    }
    const splits = writeSplits(output, marks, hash, settings.splits);
    const found = await writeRemoved(dataset, output, marks, names, evaluations, settings.field);
    const manifest: SelectionManifest = {
      millrace: 'selection',
      version: 1,
      dataset: datasetFingerprint(dataset),
      samples,
      kept: Object.values(splits).reduce((a, b) => a + b, 0),
      rules: found,
      splits,
      parameters,
    };
    writeText(join(output, selectionFile), `${checkedJson(manifest, 2)}\n`);
    return manifest;
  } finally {
    for (const file of open) file.close();
  }
}

const readAtOnce = 65_536;

function forEachValue(file: DifficultyFile, visit: (sample: number, value: number) => void): void {
  for (let start = 0; start < file.length; start += readAtOnce) {
    const values = file.valuesBetween(start, Math.min(file.length, start + readAtOnce));
    for (let k = 0; k < values.length; k++) visit(start + k, Number(values[k]));
  }
}

/** Writes the indices of each split. Returns their numbers. */
function writeSplits(
  output: string,
  { rule }: Marks,
  hash: DifficultyFile,
  shares: Readonly<Record<string, number>>,
): Record<string, number> {
  const names = Object.keys(shares);
  const sizes = Object.values(shares);
  const ends = sizes.map((_, k) => sizes.slice(0, k + 1).reduce((sum, size) => sum + size, 0));
  const writers = names.map((name) => new FileWriter(join(output, splitFile(name))));
  const counts = names.map(() => 0);
  try {
    forEachValue(hash, (sample, value) => {
      if (rule[sample] !== 0) return;
      const place = names.length === 1 ? 0 : shareOfHash(value, 'split');
      const found = ends.findIndex((end) => place < end);
      const split = found === -1 ? names.length - 1 : found;
      writers[split]!.append(Float64Array.of(sample));
      counts[split]! += 1;
    });
    for (const writer of writers) {
      writer.finish();
      writer.publish();
    }
  } catch (error) {
    for (const writer of writers) writer.discard();
    throw error;
  }
  return Object.fromEntries(names.map((name, k) => [name, counts[k]!]));
}

/** Writes a line for each removed sample. Returns what each rule removed, with examples. */
async function writeRemoved(
  dataset: Dataset<unknown>,
  output: string,
  { rule, stays }: Marks,
  names: readonly string[],
  evaluations: DifficultyFile | undefined,
  field: string | undefined,
): Promise<SelectionManifest['rules']> {
  const writer = new FileWriter(join(output, removedFile));
  const found = names.map((name) => ({
    name,
    removed: 0,
    examples: [] as { index: number; stays?: number }[],
  }));
  try {
    for (let index = 0; index < rule.length; index++) {
      const by = rule[index]! - 1;
      if (by < 0) continue;
      const { name, examples } = found[by]!;
      const evaluation = name === 'evaluation' ? evaluations!.valueOf(index) - 1 : undefined;
      const other = evaluation ?? (stays[index] === index ? undefined : stays[index]!);
      const line = { index, rule: name, ...(other !== undefined && { stays: other }) };
      writer.append(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      found[by]!.removed += 1;
      if (examples.length < mostExamples)
        examples.push({ index, ...(other !== undefined && { stays: other }) });
    }
    writer.finish();
    writer.publish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  const texts = async (index: number): Promise<string> =>
    excerptOf(fieldOf(await dataset.get(index, sampleContext(index)), field, index));
  return Promise.all(
    found.map(async ({ examples, ...rest }) => ({
      ...rest,
      examples: await Promise.all(examples.map(async (each) => ({ ...each, text: await texts(each.index) }))),
    })),
  );
}

function excerptOf(text: string): string {
  if (text.length <= excerptLength) return text;
  // Not half of a surrogate pair.
  return `${text.slice(0, excerptLength - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
