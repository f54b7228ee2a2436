import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../core/json.js';
import type { Tensor } from '../../core/tensor.js';
import { type DeepSpeedDataLoader, deepspeedIo, parseDeepSpeedConfig } from '../../deepspeed/index.js';
import { padCollate } from '../../loader/index.js';
import { formatCount, formatShare } from '../terminal/quantity.js';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import { createLanguageModel } from './jax-language-model.js';
import type { LanguageModel } from './language-model.js';
import { warmupCosine } from './learning-rate.js';
import { configurationPath, type PreparedDemo, type PrepareOptions, prepareDemo } from './prepare.js';
import { loadRequiredPackages } from './required-packages.js';
import { fromPaddedTokens, type SequenceBatch } from './sequence-batch.js';
import { demoDefaults, modelShape, type Order, orders } from './settings.js';
import { trainLanguageModel } from './train.js';
import { noProgress, summarize, type TrainingProgress } from './training-progress.js';

export interface DemoOptions extends PrepareOptions {
  /** Continues the run that was interrupted in the same folder. */
  readonly resume: boolean;
  /** Ends the demo after the step in progress, with its state saved. */
  readonly signal: AbortSignal;
}

/** The longest sequence the schedule admits from a step on. */
export interface Admission {
  readonly step: number;
  readonly maxLength: number;
}

/** One run of the demo, finished or not. */
export interface DemoRun {
  readonly order: Order;
  readonly progress: TrainingProgress;
  readonly admitted: readonly Admission[];
}

/** How a demo ended. */
export interface DemoResult {
  readonly outcome: 'finished' | 'interrupted';
  readonly prepared: PreparedDemo;
  readonly parameterCount: number;
  readonly runs: readonly DemoRun[];
}

/** What a checkpoint says besides the model. */
interface SavedDemo {
  readonly options: { readonly data: string | null; readonly tokenBudget: number; readonly workers: number };
  /** Runs that are finished, then the one that was interrupted. */
  readonly runs: readonly DemoRun[];
  /** Where the loader of the interrupted run stood. */
  readonly loader: JsonObject;
}

const checkpointFile = 'checkpoint.safetensors';

/**
 * The main job: prepares real text, then trains the same small language model twice at equal token budget, once in
 * uniform order and once under curriculum, each fed by a `DeepSpeedDataLoader` made from a DeepSpeed JSON file.
 *
 * @throws {@link StorageError} with `resume` when there is no saved state, {@link MissingPeerError} when an optional package
 *   is not installed.
 */
export async function runDemo(given: DemoOptions): Promise<DemoResult> {
  await loadRequiredPackages();
  const saved = given.resume
    ? await loadCheckpoint<SavedDemo>(join(given.output, checkpointFile))
    : undefined;
  const options = saved
    ? { ...given, ...saved.run.options, data: saved.run.options.data ?? undefined }
    : given;
  const prepared = await prepareDemo(options);
  const model = await createLanguageModel({
    ...modelShape(prepared.vocabularySize),
    seed: demoDefaults.seed,
  });
  try {
    const demo = new Demo(options, prepared, model, saved);
    const outcome = await demo.run();
    return { outcome, prepared, parameterCount: model.parameterCount, runs: demo.runs };
  } finally {
    model.dispose();
    prepared.dataset.close();
  }
}

class Demo {
  readonly runs: DemoRun[] = [];
  readonly #options: DemoOptions;
  readonly #prepared: PreparedDemo;
  readonly #model: LanguageModel;
  readonly #saved: Checkpoint<SavedDemo> | undefined;

  constructor(
    options: DemoOptions,
    prepared: PreparedDemo,
    model: LanguageModel,
    saved: Checkpoint<SavedDemo> | undefined,
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

  async #train(order: Order, interrupted: DemoRun | undefined): Promise<'finished' | 'interrupted'> {
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
        learningRate: warmupCosine({ peak: demoDefaults.peakLearningRate }),
        validation: this.#prepared.validation,
        evaluateEveryTokens: Math.ceil(tokenBudget / demoDefaults.evaluations),
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

  async #openLoader(order: Order): Promise<DemoLoader> {
    const json = await readFile(configurationPath(this.#options.output, order), 'utf8');
    return deepspeedIo<Tensor, Tensor>(parseDeepSpeedConfig(json), this.#prepared.dataset, {
      localRank: 0,
      numLocalIoWorkers: this.#options.workers,
      collateFn: padCollate({ padValue: 0, multipleOf: 32 }),
    });
  }

  async #save(loader: DemoLoader): Promise<void> {
    const { output, data = null, tokenBudget, workers } = this.#options;
    const options = { data, tokenBudget, workers };
    const run: SavedDemo = { options, runs: this.runs, loader: loader.stateDict() };
    await saveCheckpoint(join(output, checkpointFile), { model: await this.#model.exportState(), run });
  }
}

type DemoLoader = DeepSpeedDataLoader<Tensor, Tensor>;

/** Batches of the loader, epoch after epoch. */
async function* batchesOf(loader: DemoLoader): AsyncGenerator<SequenceBatch> {
  for (;;) {
    let empty = true;
    for await (const padded of loader) {
      empty = false;
      yield fromPaddedTokens(padded);
    }
    if (empty) return;
  }
}

function admittedLength(loader: DemoLoader): number | undefined {
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
  return `${seen}, validation loss ${validationLoss.toFixed(3)}, waiting ${formatShare(waitShare)}`;
}
