import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonObject, padCollate, type Tensor } from 'millrace';
import { type DeepSpeedDataLoader, deepspeedIo, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import { formatCount, formatLoss, formatShare } from './format.js';
import { createLanguageModel } from './jax-language-model.js';
import type { LanguageModel } from './language-model.js';
import { warmupCosine } from './learning-rate.js';
import { configurationPath, type PreparedData, type PrepareOptions, prepareData } from './prepare.js';
import { fromPaddedTokens, type SequenceBatch } from './sequence-batch.js';
import { defaults, modelShape, type Order, orders } from './settings.js';
import { trainLanguageModel } from './train.js';
import { noProgress, summarize, type TrainingProgress } from './training-progress.js';

export interface RunOptions extends PrepareOptions {
  /** Continues the interrupted run in the output folder. */
  readonly resume: boolean;
  /** Saves the run and stops after the step in progress. */
  readonly signal: AbortSignal;
}

/** The longest sequence that the schedule admits from a step on. */
export interface Admission {
  readonly step: number;
  readonly maxLength: number;
}

/** The run of one order, finished or interrupted. */
export interface OrderRun {
  readonly order: Order;
  readonly progress: TrainingProgress;
  readonly admitted: readonly Admission[];
}

/** The outcome of both runs. */
export interface RunResult {
  readonly outcome: 'finished' | 'interrupted';
  readonly prepared: PreparedData;
  readonly parameterCount: number;
  readonly runs: readonly OrderRun[];
}

/** What a checkpoint stores besides the model. */
interface SavedRun {
  readonly options: { readonly data: string | null; readonly tokenBudget: number; readonly workers: number };
  /** Finished runs, then the interrupted one. */
  readonly runs: readonly OrderRun[];
  /** State of the interrupted run's loader. */
  readonly loader: JsonObject;
}

const checkpointFile = 'checkpoint.safetensors';

/**
 * Prepares the text, then trains the same model once in each order. A DeepSpeed JSON file configures each loader.
 *
 * @throws {@link UserError} with `resume` if there is no saved run.
 */
export async function runBothOrders(given: RunOptions): Promise<RunResult> {
  const saved = given.resume ? await loadCheckpoint<SavedRun>(join(given.output, checkpointFile)) : undefined;
  const options = saved
    ? { ...given, ...saved.run.options, data: saved.run.options.data ?? undefined }
    : given;
  const prepared = await prepareData(options);
  const model = await createLanguageModel({
    ...modelShape(prepared.vocabularySize),
    seed: defaults.seed,
  });
  try {
    const comparison = new Comparison(options, prepared, model, saved);
    const outcome = await comparison.run();
    return { outcome, prepared, parameterCount: model.parameterCount, runs: comparison.runs };
  } finally {
    model.dispose();
    prepared.dataset.close();
  }
}

class Comparison {
  readonly runs: OrderRun[] = [];
  readonly #options: RunOptions;
  readonly #prepared: PreparedData;
  readonly #model: LanguageModel;
  readonly #saved: Checkpoint<SavedRun> | undefined;

  constructor(
    options: RunOptions,
    prepared: PreparedData,
    model: LanguageModel,
    saved: Checkpoint<SavedRun> | undefined,
  ) {
    this.#options = options;
    this.#prepared = prepared;
    this.#model = model;
    this.#saved = saved;
  }

  async run(): Promise<'finished' | 'interrupted'> {
    const fresh = await this.#model.exportState();
    const finished = this.#saved?.run.runs.slice(0, -1) ?? [];
    this.runs.push(...finished);
    for (const order of orders.slice(finished.length)) {
      const interrupted = this.#saved?.run.runs.find((run) => run.order === order);
      this.#model.importState(interrupted ? this.#saved!.model : fresh);
      const outcome = await this.#train(order, interrupted);
      if (outcome === 'interrupted') return outcome;
    }
    return 'finished';
  }

  async #train(order: Order, interrupted: OrderRun | undefined): Promise<'finished' | 'interrupted'> {
    const { tokenBudget, signal, progress } = this.#options;
    const loader = await this.#openLoader(order);
    if (interrupted) loader.loadStateDict(this.#saved!.run.loader);
    const admitted = [...(interrupted?.admitted ?? [])];
    const stage = progress.stage(`Training, ${order}`, tokenBudget, 'tokens');
    try {
      const result = await trainLanguageModel({
        model: this.#model,
        batches: batchesOf(loader),
        tokenBudget,
        learningRate: warmupCosine({ peak: defaults.peakLearningRate }),
        validation: this.#prepared.validation,
        evaluateEveryTokens: Math.ceil(tokenBudget / defaults.evaluations),
        progress: interrupted?.progress ?? noProgress,
        signal,
        onStep: ({ step, tokens, loss }, soFar) => {
          const maxLength = admittedLength(loader);
          if (maxLength !== undefined && admitted.at(-1)?.maxLength !== maxLength)
            admitted.push({ step, maxLength });
          stage.update(tokens, trainingNote(loss, soFar, maxLength));
        },
      });
      this.runs.push({ order, progress: result.progress, admitted });
      stage.finish(finishedNote(result.progress));
      if (result.outcome !== 'interrupted') return 'finished';
      await this.#save(loader);
      return 'interrupted';
    } finally {
      await loader.close();
    }
  }

  async #openLoader(order: Order): Promise<Loader> {
    const json = await readFile(configurationPath(this.#options.output, order), 'utf8');
    return deepspeedIo<Tensor, Tensor>(parseDeepSpeedConfig(json), this.#prepared.dataset, {
      localRank: 0,
      numLocalIoWorkers: this.#options.workers,
      collateFn: padCollate({ padValue: 0, multipleOf: 32 }),
    });
  }

  async #save(loader: Loader): Promise<void> {
    const { output, data = null, tokenBudget, workers } = this.#options;
    const options = { data, tokenBudget, workers };
    const run: SavedRun = { options, runs: this.runs, loader: loader.stateDict() };
    await saveCheckpoint(join(output, checkpointFile), { model: await this.#model.exportState(), run });
  }
}

type Loader = DeepSpeedDataLoader<Tensor, Tensor, Tensor>;

/** Yields the loader's batches, epoch after epoch. */
async function* batchesOf(loader: Loader): AsyncGenerator<SequenceBatch> {
  for (;;) {
    let empty = true;
    for await (const padded of loader) {
      empty = false;
      yield fromPaddedTokens(padded);
    }
    if (empty) return;
  }
}

function admittedLength(loader: Loader): number | undefined {
  const { current_difficulties } = loader.stateDict() as { current_difficulties?: { seqlen?: number } };
  return current_difficulties?.seqlen;
}

function trainingNote(loss: number, progress: TrainingProgress, maxLength: number | undefined): string {
  const { waitShare, validationLoss } = summarize(progress);
  const difficulty = maxLength === undefined ? '' : `, length ≤ ${maxLength}`;
  return `waiting ${formatShare(waitShare)}${difficulty}, loss ${loss.toFixed(2)}, validation ${validationLoss.toFixed(2)}`;
}

function finishedNote(progress: TrainingProgress): string {
  const { steps, tokens, validationLoss, waitShare } = summarize(progress);
  const seen = `${formatCount(steps)} steps, ${formatCount(tokens)} tokens`;
  return `${seen}, validation loss ${formatLoss(validationLoss)}, waiting ${formatShare(waitShare)}`;
}
