import { messageOf } from '../../core/thrown.js';
import type { CountTokens } from '../batch-size.js';
import { histogramsOf } from '../curriculum-view.js';
import type { BatchDelivered, LoaderEvent, LoaderObserver, PassBegan } from '../loader-events.js';
import { type RunFigures, RunStatistics } from '../run-statistics.js';
import type { LivePoint, LiveProblem, LiveSpan, RunFacts, RunStatus, RunUpdate } from './live-view.js';
import { peekFields } from './peek-batch.js';
import type { runClientOf } from './run-client.js';

/** The destination of a watcher's reports: the server of the page. */
export interface RunSink {
  /** Whether any page is open. */
  readonly watched: boolean;
  begin(facts: RunFacts): void;
  update(update: RunUpdate): void;
}

/** Interval between two updates. */
const updateMs = 500;
const peekMs = 2_000;
/** Shorter spans that are closer together than this are merged: less than a pixel of the timeline. */
const mergeMs = 5;
/** Shorter waits are not drawn. */
const visibleMs = 0.05;
/** Maximum number of skipped samples per update. */
const maxProblems = 20;
const histogramBins = 40;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Observes a loader and sends its changes to the page, twice per second. */
export class RunWatcher {
  readonly #key: string;
  readonly #sink: RunSink;
  readonly #statistics: RunStatistics;
  readonly #read: () => RunFigures;
  readonly #client: ReturnType<typeof runClientOf>;
  #began = false;
  /** Batches delivered before the last update. */
  #batches = 0;
  #status: RunStatus = 'starting';
  #lastUpdate = Number.NEGATIVE_INFINITY;
  /** Sends the next update when it is due. */
  #due: ReturnType<typeof setTimeout> | undefined;
  #lastPeek = Number.NEGATIVE_INFINITY;
  /** Start of the current wait, and the time up to which it was drawn. */
  #waitingSince: number | undefined;
  #waitDrawnTo = 0;
  #endedAt: number | undefined;
  #spans: LiveSpan[] = [];
  #open = new Map<LiveSpan['lane'], Writable<LiveSpan>>();
  #problems: LiveProblem[] = [];
  #peek: RunUpdate['peek'];
  #tuning: string | undefined;

  constructor(
    key: string,
    sink: RunSink,
    {
      countTokens,
      client,
    }: {
      readonly countTokens?: CountTokens | undefined;
      readonly client?: ReturnType<typeof runClientOf>;
    } = {},
  ) {
    this.#key = key;
    this.#sink = sink;
    this.#client = client;
    this.#statistics = new RunStatistics({ countTokens });
    this.#read = this.#statistics.reader();
  }

  /** Receives loader events. */
  readonly receive: LoaderObserver = (event: LoaderEvent) => {
    this.#statistics.receive(event);
    switch (event.type) {
      case 'began':
        this.#begin(event);
        return this.#sendInTurn(event.at);
      case 'waiting':
        this.#waitingSince = event.since;
        return this.#sendInTurn(event.at);
      case 'delivered':
        this.#waitingSince = undefined;
        this.#deliver(event);
        if (event.at - this.#lastUpdate >= updateMs) this.#send(event.at);
        // A client that stops asking causes no event.
        else if (this.#client) this.#sendLater(updateMs);
        return;
      case 'tuned':
        this.#tuning = event.decision;
        return;
      case 'ended':
        this.#waitingSince = undefined;
        if (event.reason === 'failed') this.#endedAt = event.at;
        this.#status = event.reason === 'failed' ? 'failed' : 'between passes';
        if (event.reason !== 'failed') return this.#sendInTurn(event.at);
        this.#complain(event.at, 'error', messageOf(event.error));
        return this.#send(event.at);
      case 'closed':
        if (this.#status !== 'failed') this.#status = 'finished';
        this.#endedAt ??= event.at;
        return this.#send(event.at);
    }
  };

  #begin({ at, dataset, rank, worldSize, sampler }: PassBegan): void {
    this.#status = 'running';
    this.#endedAt = undefined;
    if (this.#began) return;
    this.#began = true;
    const histograms = histogramsOf(sampler, histogramBins);
    this.#sink.begin({
      key: this.#key,
      pid: process.pid,
      dataset,
      rank,
      worldSize,
      startedAt: at,
      histograms,
      ...(this.#client && { client: this.#client.facts }),
    });
  }

  #deliver(event: BatchDelivered): void {
    for (const { index, reason } of event.skipped)
      this.#complain(event.at, 'skipped', `Sample ${index} was skipped: ${reason}`);
    if (!this.#sink.watched) return;
    const { at, startedAt, makeMs, waitMs, worker } = event;
    if (worker !== null) this.#span(worker, 'making', startedAt, startedAt + makeMs);
    if (waitMs > visibleMs) this.#span('consumer', 'waiting', Math.max(at - waitMs, this.#waitDrawnTo), at);
    if (at - this.#lastPeek < peekMs || event.samples === 0) return;
    this.#lastPeek = at;
    const { epoch, batch, samples } = event;
    this.#peek = { epoch, batch, samples, fields: peekFields(event.value) };
  }

  /** Adds a span, or extends the last one of its lane. Called for every batch, so it avoids allocation. */
  #span(lane: LiveSpan['lane'], doing: LiveSpan['doing'], from: number, to: number): void {
    const open = this.#open.get(lane);
    // A span as long as an update interval is visible by itself.
    if (open && from - open.to < mergeMs && to - from < mergeMs && open.to - open.from < updateMs) {
      open.to = to;
      open.batches += 1;
      return;
    }
    if (open) this.#spans.push(open);
    this.#open.set(lane, { lane, doing, from, to, batches: 1 });
  }

  #complain(at: number, kind: LiveProblem['kind'], text: string): void {
    this.#problems = [...this.#problems, { at, kind, text }].slice(-maxProblems);
  }

  /**
   * Sends changes now, or when the next update is due: passes and waits can be so short that there are many per
   * second.
   */
  #sendInTurn(at: number): void {
    const early = this.#lastUpdate + updateMs - at;
    if (early <= 0) this.#send(at);
    else this.#sendLater(early);
  }

  #sendLater(ms: number): void {
    this.#due ??= setTimeout(() => this.#send(performance.timeOrigin + performance.now()), ms).unref();
  }

  #send(at: number): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    // Before the first pass there is nothing to report.
    if (!this.#began) return;
    this.#lastUpdate = at;
    if (this.#waitingSince !== undefined) {
      if (this.#sink.watched) {
        this.#span('consumer', 'waiting', Math.max(this.#waitingSince, this.#waitDrawnTo), at);
        this.#waitDrawnTo = at;
      }
      // No other event may follow for a long time.
      this.#sendLater(updateMs);
    }
    const figures = this.#read();
    const { batches, samplesPerSecond, tokensPerSecond, waitShare, ready } = figures;
    const hasMore = batches > this.#batches || figures.waitingMs > 0;
    this.#batches = batches;
    const point: LivePoint = { at, samplesPerSecond, tokensPerSecond, waitShare, ready };
    this.#sink.update({
      key: this.#key,
      status: this.#status,
      figures,
      points: hasMore ? [point] : [],
      spans: [...this.#spans, ...this.#open.values()],
      problems: this.#problems,
      ...(this.#peek && { peek: this.#peek }),
      ...(this.#client && { client: this.#client.figures() }),
      ...(this.#tuning !== undefined && { tuning: this.#tuning }),
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt }),
    });
    this.#spans = [];
    this.#open.clear();
    this.#problems = [];
    this.#peek = undefined;
    this.#tuning = undefined;
  }
}
