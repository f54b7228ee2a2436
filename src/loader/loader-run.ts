import { CapabilityError, LoaderNotReadyError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Sampler } from '../core/sampler.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import type { AmendedBase, AmendedRun } from './amend/amended-run.js';
import type { Amendment } from './amend/amendment.js';
import { samplerOf } from './order/create-batch-sampler.js';
import { type DatasetFacts, factsOf } from './order/dataset-facts.js';
import { type AmendedOrder, type LoadedSource, LoaderOrder } from './order/loader-order.js';
import type { LoaderParts } from './pass.js';
import type { LoaderState } from './state/loader-state.js';

/** What a loader reads and in which order. Amendments change both; its engine and its progress then follow. */
export class LoaderRun {
  readonly #parts: Pick<LoaderParts, 'options' | 'engine' | 'progress'>;
  /** What it reads before its first amendment. */
  readonly #base: LoadedSource;
  #source: LoadedSource;
  #facts: DatasetFacts | undefined;
  #order: LoaderOrder | undefined;
  /** Present from the first amendment on. Loaded on demand: most runs have none. */
  #amended: AmendedRun | undefined;
  /** The run of another loader, whose amendments are made when the dataset is known. */
  #repeated: AmendedRun | undefined;
  /** Amendments of a loaded state, until the code for them is loaded. */
  #loaded: { readonly amendments: JsonObject; readonly place: (order: LoaderOrder) => number } | undefined;

  constructor(source: LoadedSource, parts: Pick<LoaderParts, 'options' | 'engine' | 'progress'>) {
    this.#base = source;
    this.#source = source;
    this.#parts = parts;
  }

  /** What it reads before its first amendment. */
  get baseSource(): LoadedSource {
    return this.#base;
  }

  /** The dataset with all amendments. */
  get source(): LoadedSource {
    return this.#source;
  }

  /** Whether the dataset is known: one of a module is not, before the module was imported. */
  get isKnown(): boolean {
    return this.#order !== undefined;
  }

  /** The order as far as it is known: without the amendments of a state that was just loaded. */
  get currentOrder(): LoaderOrder | undefined {
    return this.#order;
  }

  /** The order with all amendments. @throws {@link LoaderNotReadyError} until it is known */
  get order(): LoaderOrder {
    if (!this.#loaded) return this.baseOrder;
    throw notReady('The amendments of the loaded state have not been applied yet');
  }

  /** The order without the amendments of a state that was just loaded. @throws {@link LoaderNotReadyError} until it is known */
  get baseOrder(): LoaderOrder {
    if (this.#order) return this.#order;
    throw notReady(`The dataset's module has not been imported yet`);
  }

  /** The first global step of which no batch was requested. */
  get globalStep(): number {
    const { batchSampler, datasetName } = this.order;
    if (batchSampler) return this.#parts.progress.nextStep;
    throw new CapabilityError(
      `${datasetName} is a stream: the steps of its epochs are known only by reading`,
      {
        where: { stage: datasetName },
        next: 'Count the steps while iterating.',
      },
    );
  }

  /** What orders the samples of an epoch, for observers. */
  samplerOf(epoch: number): object | undefined {
    const { sampler, batchSampler } = this.#parts.options;
    return this.#amended?.samplerOf(epoch) ?? sampler ?? batchSampler ?? this.#order?.batchSampler;
  }

  /** Makes the amendments of another loader of the same data. */
  repeat(other: LoaderRun): void {
    this.#loaded = other.#loaded;
    this.#repeated = other.#amended;
    if (this.isKnown) this.#repeatNow();
  }

  #repeatNow(): void {
    if (!this.#repeated) return;
    this.#amended = this.#repeated.repeatedIn(this.#amendedBase());
    this.#repeated = undefined;
    this.#becomeAmended(this.#amended, this.#base);
  }

  /** Begins with a dataset. */
  begin(facts: DatasetFacts): void {
    const { options, engine, progress } = this.#parts;
    this.#facts = facts;
    this.#order = new LoaderOrder(this.#source, facts, options);
    progress.follow(this.#order);
    if (facts.kind === 'iterable') engine.keepWorkers();
    this.#repeatNow();
  }

  /** Applies the amendments of a loaded state. @throws as {@link AmendedRun.adopt} does */
  async settle(): Promise<void> {
    if (!this.#loaded) return;
    const run = await this.#open();
    const { amendments, place } = this.#loaded;
    this.#follow(run, () => run.adopt(amendments, place));
    this.#loaded = undefined;
  }

  /** Changes the run: see `DataLoader.amend`. */
  async amend(amendment: Amendment): Promise<void> {
    const { progress } = this.#parts;
    const run = await this.#open();
    // A batch that was requested before this call keeps its step.
    await progress.opening;
    if (progress.heldCount > 0) throw run.unacknowledged(progress.heldCount);
    this.#follow(run, () => run.amend(amendment, progress.nextStep));
  }

  /** Takes the amendments of a state: at once, or when {@link settle} has loaded the code for them. */
  adopt(saved: LoaderState): void {
    const { amendments } = saved;
    const place = (order: LoaderOrder): number => order.placeOf(saved);
    const run = this.#amended;
    if (run) this.#follow(run, () => run.adopt(amendments, place));
    this.#loaded = run || !amendments ? undefined : { amendments, place };
  }

  async #open(): Promise<AmendedRun> {
    const { AmendedRun } = await import('./amend/amended-run.js');
    this.#amended ??= new AmendedRun(this.#amendedBase());
    return this.#amended;
  }

  #amendedBase(): AmendedBase {
    const order = this.baseOrder;
    const { options } = this.#parts;
    const base = this.#base;
    // A module's dataset is in the workers.
    const facts = this.#facts!;
    const orderOf = (source: LoadedSource, amended: AmendedOrder): LoaderOrder =>
      new LoaderOrder(
        source,
        source === base ? facts : factsOf(source, datasetFingerprint),
        options,
        amended,
      );
    const sampler = (dataset: { readonly length: number }): Sampler => samplerOf(dataset, options);
    return { source: base, options, order, orderOf, samplerOf: sampler };
  }

  /** Changes an amended run, and makes engine and progress follow it. */
  #follow(run: AmendedRun, change: () => void): void {
    const { source } = run;
    change();
    this.#becomeAmended(run, source);
  }

  /** @param source - What was read before. */
  #becomeAmended(run: AmendedRun, source: LoadedSource): void {
    const { engine, progress } = this.#parts;
    if (run.source !== source) engine.replace(run.source, run.rearrangement(source));
    this.#source = run.source;
    this.#order = run.order;
    progress.amend(run.order);
  }
}

function notReady(what: string): LoaderNotReadyError {
  return new LoaderNotReadyError(what, {
    next: 'Call await loader.ready() first; iterating does it by itself.',
  });
}
