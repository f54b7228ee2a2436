import type { LabeledFigures } from '../prometheus.js';
import { applyUpdate, type RunFacts, type RunUpdate, type RunView, viewOf } from './live-view.js';

/** A run of another process that is silent this long is marked lost, unless it has reported its end. */
const lostAfterMs = 6_000;

/** Maximum number of runs per page. Runs of other processes take memory of the process that serves the page. */
const maxRuns = 256;

/** A message to a page: a full view, or changes. */
export type BoardMessage =
  | { readonly type: 'board'; readonly now: number; readonly runs: readonly RunView[] }
  | { readonly type: 'run'; readonly now: number; readonly run: RunView }
  | { readonly type: 'update'; readonly now: number; readonly update: RunUpdate };

/** The runs on a machine, and the pages that watch them. */
export class RunBoard {
  readonly #runs = new Map<string, RunView>();
  readonly #lastHeard = new Map<string, number>();
  readonly #listeners = new Set<(message: BoardMessage) => void>();

  /** Whether any page is open. */
  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  get runs(): readonly RunView[] {
    return [...this.#runs.values()];
  }

  begin(facts: RunFacts): void {
    this.put(viewOf(facts));
  }

  /** Adds a run, or replaces the one with the same key. */
  put(run: RunView): void {
    const { rank, worldSize, dataset } = run.facts;
    // A restarted rank replaces its predecessor that has ended.
    for (const [key, { facts, status }] of this.#runs) {
      const isSame = facts.rank === rank && facts.worldSize === worldSize && facts.dataset === dataset;
      if (isSame && (status === 'lost' || status === 'finished')) this.#forget(key);
    }
    if (this.#runs.size >= maxRuns && !this.#runs.has(run.facts.key)) return;
    this.#runs.set(run.facts.key, run);
    this.#lastHeard.set(run.facts.key, Date.now());
    this.#tell({ type: 'run', now: Date.now(), run });
  }

  /** Applies an update, if the run is known. */
  update(update: RunUpdate): void {
    const run = this.#runs.get(update.key);
    if (!run) return;
    this.#runs.set(update.key, applyUpdate(run, update));
    this.#lastHeard.set(update.key, Date.now());
    this.#tell({ type: 'update', now: Date.now(), update });
  }

  /** Sends `listener` a full view, then changes. @returns A function that ends this */
  watch(listener: (message: BoardMessage) => void): () => void {
    listener({ type: 'board', now: Date.now(), runs: this.runs });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Marks silent runs of other processes as lost. */
  markLost(ownKeys: ReadonlySet<string>): void {
    for (const [key, { status }] of this.#runs) {
      const heard = this.#lastHeard.get(key)!;
      const silent = Date.now() - heard > lostAfterMs;
      if (ownKeys.has(key) || !silent || status === 'finished' || status === 'lost') continue;
      this.update({ key, status: 'lost', endedAt: heard, points: [], spans: [], problems: [] });
      this.#lastHeard.set(key, heard);
    }
  }

  /** Figures for Prometheus. */
  figures(): LabeledFigures[] {
    return this.runs.flatMap(({ facts, figures }) =>
      figures ? [{ labels: { rank: String(facts.rank), run: facts.key }, figures }] : [],
    );
  }

  #forget(key: string): void {
    this.#runs.delete(key);
    this.#lastHeard.delete(key);
    this.#tell({ type: 'board', now: Date.now(), runs: this.runs });
  }

  #tell(message: BoardMessage): void {
    for (const listener of this.#listeners) listener(message);
  }
}
