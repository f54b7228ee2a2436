import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { readSelection, type SelectionManifest, selectionFile, splitFile } from '../../convert/selection.js';
import { checkedJson } from '../../core/checked-json.js';
import type { Dataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { booleanOption, integerFrom, parseOptions, recordOf } from '../../core/options.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { type WorkerFunction, WorkerModule } from '../../datasets/worker-module.js';
import { redisSchema } from '../../parts/cluster/redis.js';
import { clusterEntries } from '../../parts/cluster/run-on-cluster.js';
import { writeText } from '../../parts/work-folder.js';
import { sampleContext } from '../../random/sample-context.js';
import { absoluteName } from '../../storage/absolute-name.js';
import { FileWriter } from '../../storage/file-writer.js';
import { isRemote } from '../../storage/url-scheme.js';
import { analyzeDifficulty } from '../analyze-difficulty.js';
import type { AnalysisProgress } from '../analyze-difficulty-options.js';
import { analyzeOnCluster } from '../cluster/analyze-on-cluster.js';
import { type ClusterDataset, datasetRecipe, openFromRecipe } from '../cluster/cluster-dataset.js';
import { DifficultyFile } from '../difficulty-file.js';
import type { MetricSource } from '../metric-source.js';
import { difficultyPath } from '../reduce-analysis.js';
import { type Marks, markDuplicates } from './find-duplicates.js';
import { fieldOf, loadSelectMetric, type SelectMetricRecipe } from './select-metrics.js';
import { shareOfHash } from './text-hash.js';

/** Options of {@link selectDataset}. Rules are applied in the order of the options. */
export interface SelectOptions {
  /** Folder of the selection. On a cluster, a folder that all machines share. */
  readonly output: string;
  /** Field of a sample that holds its text. @defaultValue `text`, `content` or `document`, or a sample that is a text */
  readonly field?: string;
  /** Named rules of quality: `gopher-quality`, `gopher-repetition`, `c4-quality`. @defaultValue none */
  readonly quality?: readonly string[];
  /** Languages that stay, by ISO 639-1 code: `en`. Needs the package `eld`. @defaultValue all */
  readonly languages?: readonly string[];
  /** A function of a module, which is given sample and index and returns whether the sample stays. @defaultValue none */
  readonly filter?: WorkerFunction<(sample: never, index: number) => unknown>;
  /** Evaluation sets: files of texts. A sample that shares an n-gram of words with one of them goes. @defaultValue none */
  readonly decontaminate?: readonly string[];
  /** Words of an n-gram of `decontaminate`. @defaultValue `13` */
  readonly decontaminateWords?: number;
  /** Removes samples that repeat an earlier one: in every character, or nearly. `near` includes `exact`. @defaultValue none */
  readonly dedup?: 'exact' | 'near';
  /** Parameters of `near`: bands, hashes of a band, words of an n-gram. @defaultValue 14 bands of 8 hashes, 5 words */
  readonly minHash?: { readonly bands?: number; readonly rows?: number; readonly words?: number };
  /** Share of the samples that stay, 0 … 1; a sample of weight `w` stays with the probability `share × w`. @defaultValue 1 */
  readonly sample?: number;
  /** Column of the weights. @defaultValue each weighs 1 */
  readonly weight?: string;
  /** Splits and their shares: `{ train: 0.98, test: 0.02 }`. @defaultValue one split, `kept` */
  readonly splits?: Readonly<Record<string, number>>;
  /** Threads. @defaultValue `2` */
  readonly numWorkers?: number;
  /** Memory to measure and sort, in bytes. @defaultValue `512_000_000` */
  readonly memoryBytes?: number;
  readonly overwrite?: boolean;
  /** URL of a Redis server: the workers of its queue measure. @defaultValue threads of this process */
  readonly redis?: string;
  /** Name of the queue. @defaultValue `'millrace'` */
  readonly queue?: string;
  /** On a cluster: interval between reads of the queue's state, in milliseconds. @defaultValue `1_000` */
  readonly pollMs?: number;
  readonly onRefusal?: (refusal: string) => void;
  readonly onProgress?: (progress: AnalysisProgress) => void;
}

const share = v.pipe(v.number(), v.minValue(0, 'must be 0 or more'), v.maxValue(1, 'must be at most 1'));
const splitName = /^[\w-]{1,50}$/;

const schema = v.strictObject({
  output: v.pipe(
    v.string('must be a folder'),
    v.nonEmpty('must be a folder'),
    v.check((name) => !isRemote(name), 'must be a folder, not a URL'),
  ),
  field: v.optional(v.string()),
  quality: v.optional(v.array(v.string()), []),
  languages: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  filter: v.optional(
    v.custom<WorkerModule<unknown>>((value) => value instanceof WorkerModule, 'must be workerFunction(…)'),
  ),
  decontaminate: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  decontaminateWords: v.optional(integerFrom(1), 13),
  dedup: v.optional(v.picklist(['exact', 'near'], `must be 'exact' or 'near'`)),
  minHash: v.optional(
    v.strictObject({
      bands: v.optional(integerFrom(1), 14),
      rows: v.optional(integerFrom(1), 8),
      words: v.optional(integerFrom(1), 5),
    }),
    {},
  ),
  sample: v.optional(share, 1),
  weight: v.optional(v.string()),
  splits: v.optional(
    v.pipe(
      recordOf(share),
      v.check(
        (splits) => Math.abs(Object.values(splits).reduce((a, b) => a + b, 0) - 1) < 1e-9,
        'must add up to 1',
      ),
      v.check((splits) => Object.keys(splits).every((name) => splitName.test(name)), 'must have plain names'),
    ),
    { kept: 1 },
  ),
  numWorkers: v.optional(integerFrom(0), 2),
  memoryBytes: v.optional(integerFrom(1), 512e6),
  overwrite: v.optional(booleanOption, false),
  redis: v.optional(redisSchema),
  queue: clusterEntries.queue,
  pollMs: clusterEntries.pollMs,
  onRefusal: clusterEntries.onRefusal,
  onProgress: v.optional(v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function')),
});

type Settings = v.InferOutput<typeof schema>;

const mostExamples = 5;

/**
 * Selects samples: by rules of quality, language and a function of your own, without those that evaluation sets contain
 * and those that repeat others, sampled and split. Writes a selection: the indices of each split, what each rule removed
 * and why (`removed.jsonl`), and the parameters. {@link selected} opens it without copying data.
 *
 * Measuring runs in parts, in threads or on a cluster; a run that is interrupted continues. Values are sorted on disk, so
 * memory is bounded by `memoryBytes` and 5 bytes a sample. The result is a function of data and options alone.
 *
 * A sample is a near-duplicate if it shares a band of MinHash with an earlier sample; of each chain of duplicates, the
 * first stays. Sampling and splits follow from a hash of the text: a sample keeps its split when data is added, and equal
 * texts are in the same split.
 *
 * @throws {@link ConfigError}; the errors of `analyzeDifficulty` and `analyzeOnCluster`.
 */
export async function selectDataset(
  data: ClusterDataset,
  options: SelectOptions,
): Promise<SelectionManifest> {
  const settings = parseOptions('selectDataset options', schema, options);
  const output = absoluteName(settings.output);
  const rules = rulesOf(settings);
  const work = join(output, '.measures');
  const recipe = datasetRecipe(data);
  const dataset = await openFromRecipe(recipe);
  try {
    const parameters = await parametersOf(settings, rules);
    const known = finished(output, dataset, parameters);
    if (known === 'same') return readSelection(output);
    if (known === 'other' && !settings.overwrite)
      throw new ConfigError('selectDataset options', [
        {
          field: 'output',
          message: `${settings.output} holds another selection; choose another, or overwrite it`,
        },
      ]);
    mkdirSync(output, { recursive: true });
    await measure(data, dataset, work, settings, rules);
    const manifest = await writeSelection(dataset, output, work, settings, rules, parameters);
    rmSync(work, { recursive: true, force: true });
    return manifest;
  } finally {
    if ('files' in recipe) await dataset.close?.();
  }
}

interface Rule {
  readonly name: string;
  /** What is measured for it. */
  readonly metrics: readonly SelectMetricRecipe[];
}

/** The rules in the order in which they are applied. */
function rulesOf(settings: Settings): Rule[] {
  const { field, quality, languages, filter, decontaminate, decontaminateWords, dedup, minHash } = settings;
  const text = field === undefined ? {} : { field };
  const rules: Rule[] = quality.map((name) => ({
    name,
    metrics: [{ select: 'rule', options: { name, ...text } }],
  }));
  if (languages)
    rules.push({ name: 'language', metrics: [{ select: 'language', options: { languages, ...text } }] });
  if (filter) {
    const { module, exportName } = filter as WorkerModule<unknown>;
    rules.push({ name: 'filter', metrics: [{ select: 'filter', module, options: { export: exportName } }] });
  }
  if (decontaminate) {
    const options = { files: decontaminate.map(absoluteName), n: decontaminateWords, ...text };
    rules.push({ name: 'evaluation', metrics: [{ select: 'eval', options }] });
  }
  if (dedup) rules.push({ name: 'exact duplicate', metrics: hashes(text, dedup) });
  if (dedup === 'near') {
    const { bands = 14, rows = 8, words: n = 5 } = minHash;
    const metrics = Array.from(
      { length: bands },
      (_, band): SelectMetricRecipe => ({
        select: 'band',
        options: { band, bands, rows, n, ...text },
      }),
    );
    rules.push({ name: 'near duplicate', metrics });
  }
  return rules;
}

/** Two hashes: equal texts agree in both, 106 bits together. */
function hashes(text: { readonly field?: string }, dedup: Settings['dedup']): SelectMetricRecipe[] {
  const seeds = dedup === undefined ? [0] : [0, 1];
  return seeds.map((seed) => ({ select: 'hash', options: { seed, ...text } }));
}

function metricsOf(settings: Settings, rules: readonly Rule[]): SelectMetricRecipe[] {
  const metrics = rules.flatMap((rule) => rule.metrics);
  const text = settings.field === undefined ? {} : { field: settings.field };
  if (!settings.dedup) metrics.push(...hashes(text, undefined));
  if (settings.weight !== undefined) metrics.push({ select: 'weight', options: { column: settings.weight } });
  return metrics;
}

/** What determines the result besides the data: options, and the code of modules. */
async function parametersOf(settings: Settings, rules: readonly Rule[]): Promise<object> {
  const {
    field,
    quality,
    languages,
    decontaminate,
    decontaminateWords,
    dedup,
    minHash,
    sample,
    weight,
    splits,
  } = settings;
  const code: [string, string][] = [];
  for (const { name, metrics } of rules)
    if (['filter', 'evaluation'].includes(name))
      code.push([name, (await loadSelectMetric(metrics[0]!)).code]);
  return {
    ...(field !== undefined && { field }),
    quality,
    ...(languages && { languages }),
    ...(decontaminate && { decontaminate: { files: decontaminate, n: decontaminateWords, unit: 'words' } }),
    ...(dedup && { dedup }),
    ...(dedup === 'near' && {
      minHash: { bands: minHash.bands ?? 14, rows: minHash.rows ?? 8, n: minHash.words ?? 5, unit: 'words' },
    }),
    sample,
    ...(weight !== undefined && { weight }),
    splits,
    code: Object.fromEntries(code),
  };
}

function finished(output: string, dataset: Dataset<unknown>, parameters: object): 'none' | 'same' | 'other' {
  let manifest: SelectionManifest;
  try {
    manifest = readSelection(output);
  } catch {
    return 'none';
  }
  const isSame =
    manifest.dataset === datasetFingerprint(dataset) &&
    JSON.stringify(manifest.parameters) === JSON.stringify(parameters);
  return isSame ? 'same' : 'other';
}

async function measure(
  data: ClusterDataset,
  dataset: Dataset<unknown>,
  outputDir: string,
  settings: Settings,
  rules: readonly Rule[],
): Promise<void> {
  const { redis, queue, pollMs, onRefusal, onProgress, numWorkers, memoryBytes } = settings;
  const metrics = metricsOf(settings, rules) as unknown as MetricSource[];
  const shared = {
    outputDir,
    metrics,
    layout: 'native' as const,
    memoryBytes,
    ...(onProgress && { onProgress }),
  };
  if (redis === undefined) {
    await analyzeDifficulty(data instanceof WorkerModule ? (data as never) : dataset, {
      ...shared,
      numWorkers,
    });
    return;
  }
  await analyzeOnCluster(data, { ...shared, redis, queue, pollMs, ...(onRefusal && { onRefusal }) });
}

/** Applies the rules to what was measured, and writes the selection, its manifest last. */
async function writeSelection(
  dataset: Dataset<unknown>,
  output: string,
  work: string,
  settings: Settings,
  rules: readonly Rule[],
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
  const writers = names.map((name) => new FileWriter(splitFile(output, name)));
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
  const writer = new FileWriter(join(output, 'removed.jsonl'));
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
    fieldOf(await dataset.get(index, sampleContext(index)), field, index).slice(0, 200);
  return Promise.all(
    found.map(async ({ examples, ...rest }) => ({
      ...rest,
      examples: await Promise.all(examples.map(async (each) => ({ ...each, text: await texts(each.index) }))),
    })),
  );
}
