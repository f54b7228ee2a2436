import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from 'millrace';
import { analyzeDifficulty, type DifficultyAnalysis } from 'millrace/analysis';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { type Corpus, collectCorpus } from './corpus.js';
import { deepspeedJson } from './deepspeed-json.js';
import { formatCount, formatMegabytes } from './format.js';
import type { Progress } from './progress.js';
import type { SequenceBatch } from './sequence-batch.js';
import { cutIntoSequences, type TokenSequence } from './sequences.js';
import { defaults, type Order } from './settings.js';
import { CompactTokenizer } from './tokenizer.js';
import { holdOut } from './validation-set.js';

export interface PrepareOptions {
  /** Folder for everything written. */
  readonly output: string;
  /** Text file or folder. @defaultValue the installed packages */
  readonly data: string | undefined;
  readonly tokenBudget: number;
  readonly workers: number;
  readonly progress: Progress;
}

/** Data and configurations to train with. The same text gives the same result. */
export interface PreparedData {
  readonly corpus: Pick<Corpus, 'source' | 'byteLength'> & {
    readonly documents: number;
    readonly tokens: number;
  };
  readonly dataset: IndexedDataset;
  readonly vocabularySize: number;
  readonly validation: readonly SequenceBatch[];
  readonly analysis: DifficultyAnalysis;
  readonly curriculumRange: { readonly min: number; readonly max: number };
  readonly configurations: Readonly<Record<Order, JsonObject>>;
}

/**
 * Collects text, tokenizes it, writes an indexed dataset, analyzes its difficulty, and writes the DeepSpeed configurations
 * of both runs.
 *
 * @throws {@link UserError} if there is no text, {@link MillraceError} if it is too little to train on.
 */
export async function prepareData(options: PrepareOptions): Promise<PreparedData> {
  const { output, progress } = options;
  await mkdir(output, { recursive: true });
  const corpus = await readCorpus(options);
  const { tokenizer, sequences } = await tokenize(corpus, output, progress);
  const { training, validation } = holdOut(sequences, {
    documentsPerHeldOut: defaults.documentsPerHeldOut,
    sequences: defaults.validationSequences,
    batchSize: defaults.microBatchSize,
  });
  const dataset = writeDataset(training, join(output, 'train'), progress);
  const difficulty = join(output, 'difficulty');
  const analysis = await analyze(dataset, difficulty, options);
  const { min, max, mean } = analysis.metrics.seqlen!;
  const curriculumRange = { min: Math.max(min, 16), max };
  const steps = Math.ceil(
    (defaults.curriculumShare * options.tokenBudget) / (mean * defaults.microBatchSize),
  );
  const plan = { difficulty, minLength: curriculumRange.min, maxLength: max, steps };
  return {
    corpus: {
      source: corpus.source,
      byteLength: corpus.byteLength,
      documents: corpus.documents.length,
      tokens: dataset.tokenCount,
    },
    dataset,
    vocabularySize: tokenizer.vocabularySize,
    validation,
    analysis,
    curriculumRange,
    configurations: {
      uniform: await writeConfiguration('uniform', output, deepspeedJson('uniform', plan)),
      curriculum: await writeConfiguration('curriculum', output, deepspeedJson('curriculum', plan)),
    },
  };
}

/** Path of the configuration of a run. */
export function configurationPath(output: string, order: Order): string {
  return join(output, `ds_config_${order}.json`);
}

async function readCorpus({ data, progress }: PrepareOptions): Promise<Corpus> {
  const byteLimit = 2_500_000;
  const stage = progress.stage('Reading text', byteLimit);
  const corpus = await collectCorpus({
    ...(data === undefined ? {} : { path: data }),
    byteLimit,
    onFile: (name, byteLength) => stage.update(byteLength, name),
  });
  stage.finish(
    `${formatCount(corpus.documents.length)} files, ${formatMegabytes(corpus.byteLength)} from ${corpus.source}`,
  );
  return corpus;
}

async function tokenize(
  corpus: Corpus,
  output: string,
  progress: Progress,
): Promise<{ tokenizer: CompactTokenizer; sequences: TokenSequence[] }> {
  const stage = progress.stage('Tokenizing', corpus.documents.length * 2);
  const documents = corpus.documents.map(({ text }) => text);
  const tokenizer = CompactTokenizer.fit(documents, defaults.vocabularySize);
  stage.update(corpus.documents.length);
  await writeFile(join(output, 'tokenizer.json'), JSON.stringify(tokenizer));
  const { minTokens, maxTokens } = defaults;
  const sequences: TokenSequence[] = [];
  for (const sequence of cutIntoSequences(corpus.documents, (text) => tokenizer.encode(text), {
    minTokens,
    maxTokens,
  })) {
    sequences.push(sequence);
    stage.update(corpus.documents.length + sequence.document);
  }
  stage.finish(
    `${formatCount(sequences.length)} sequences over a vocabulary of ${formatCount(tokenizer.vocabularySize)} tokens`,
  );
  return { tokenizer, sequences };
}

function writeDataset(
  sequences: readonly TokenSequence[],
  prefix: string,
  progress: Progress,
): IndexedDataset {
  const stage = progress.stage('Writing dataset', sequences.length);
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
  for (const { tokens } of sequences) builder.addItem(tokens);
  builder.endDocument();
  builder.finalize();
  const dataset = IndexedDataset.openSync(prefix);
  stage.finish(
    `${formatCount(dataset.length)} items, ${formatCount(dataset.tokenCount)} tokens in ${prefix}.bin`,
  );
  return dataset;
}

async function analyze(
  dataset: IndexedDataset,
  outputDir: string,
  { workers, progress }: PrepareOptions,
): Promise<DifficultyAnalysis> {
  const stage = progress.stage('Analyzing difficulty', 1);
  const analysis = await analyzeDifficulty(dataset, {
    metrics: ['seqlen', 'vocabularyrarity'],
    numWorkers: workers,
    outputDir,
    onProgress: ({ phase, done, total }) => stage.update(total === 0 ? 0 : done / total, phase),
  });
  const { min, median, max } = analysis.metrics.seqlen!;
  stage.finish(`lengths ${min} to ${max}, median ${median} tokens`);
  return analysis;
}

async function writeConfiguration(order: Order, output: string, json: JsonObject): Promise<JsonObject> {
  await writeFile(configurationPath(output, order), `${JSON.stringify(json, null, 2)}\n`);
  return json;
}
