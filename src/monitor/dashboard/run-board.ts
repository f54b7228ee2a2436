import type { LabelledFigures } from '../prometheus.js';
import { applyUpdate, type RunFacts, type RunUpdate, type RunView, viewOf } from './live-view.js';

/** A run of another process that is silent for so long is lost, unless it has said that it ended. */
const patienceMs = 6_000;

/** Runs of one page. Other processes of the machine may send theirs, and every one takes memory of the process that has the page. */
const maxRuns = 256;

/** What is sent to a page: everything, or what is new. */
export type BoardMessage =
  | { readonly type: 'board'; readonly now: number; readonly runs: readonly RunView[] }
  | { readonly type: 'run'; readonly now: number; readonly run: RunView }
  | { readonly type: 'update'; readonly now: number; readonly update: RunUpdate };

/** The runs of a machine, and who looks at them. */
export class RunBoard {
  readonly #runs = new Map<string, RunView>();
  readonly #lastHeard = new Map<string, number>();
  readonly #listeners = new Set<(message: BoardMessage) => void>();

  /** Whether somebody looks. */
  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  get runs(): readonly RunView[] {
    return [...this.#runs.values()];
  }

  begin(facts: RunFacts): void {
    this.put(viewOf(facts));
  }

  /** Takes a run as it is, in place of one with its key. */
  put(run: RunView): void {
    const { rank, worldSize, dataset } = run.facts;
    // A rank that is started again takes the place of the one that has ended.
    for (const [key, { facts, status }] of this.#runs) {
      const isSame = facts.rank === rank && facts.worldSize === worldSize && facts.dataset === dataset;
      if (isSame && (status === 'lost' || status === 'finished')) this.#forget(key);
    }
    if (this.#runs.size >= maxRuns && !this.#runs.has(run.facts.key)) return;
    this.#runs.set(run.facts.key, run);
    this.#lastHeard.set(run.facts.key, Date.now());
    this.#tell({ type: 'run', now: Date.now(), run });
  }

  /** Takes what is new of a run, if it is one of those here. */
  update(update: RunUpdate): void {
    const run = this.#runs.get(update.key);
    if (!run) return;
    this.#runs.set(update.key, applyUpdate(run, update));
    this.#lastHeard.set(update.key, Date.now());
    this.#tell({ type: 'update', now: Date.now(), update });
  }

  /** Tells `listener` everything, then what is new. @returns ends it */
  watch(listener: (message: BoardMessage) => void): () => void {
    listener({ type: 'board', now: Date.now(), runs: this.runs });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks for runs of other processes that are silent. */
  missLost(ownKeys: ReadonlySet<string>): void {
    for (const [key, { status }] of this.#runs) {
      const heard = this.#lastHeard.get(key)!;
      const silent = Date.now() - heard > patienceMs;
      if (ownKeys.has(key) || !silent || status === 'finished' || status === 'lost') continue;
      this.update({ key, status: 'lost', endedAt: heard, points: [], spans: [], problems: [] });
      this.#lastHeard.set(key, heard);
    }
  }

  /** For Prometheus. */
  figures(): LabelledFigures[] {
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
