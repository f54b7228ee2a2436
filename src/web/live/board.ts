import { applyUpdate, type RunUpdate, type RunView } from '../../monitor/dashboard/live-view.js';

/** State of the page: the runs of the machine, the selected run, and the connection. */
export interface Board {
  readonly runs: ReadonlyMap<string, RunView>;
  /** Key of the selected run. Without one, the page shows the first rank of the latest run. */
  readonly chosen: string | undefined;
  readonly connected: boolean;
  /** Server time minus local time, in milliseconds. */
  readonly clockOffsetMs: number;
}

export const emptyBoard: Board = { runs: new Map(), chosen: undefined, connected: false, clockOffsetMs: 0 };

/** Replaces all runs, as after a connection. */
export function withAll(board: Board, runs: readonly RunView[]): Board {
  const known = new Map(runs.map((run) => [run.facts.key, run]));
  const chosen = board.chosen !== undefined && known.has(board.chosen) ? board.chosen : undefined;
  return { ...board, runs: known, chosen };
}

export function withRun(board: Board, run: RunView): Board {
  return { ...board, runs: new Map(board.runs).set(run.facts.key, run) };
}

export function withUpdate(board: Board, update: RunUpdate): Board {
  const run = board.runs.get(update.key);
  return run ? withRun(board, applyUpdate(run, update)) : board;
}

/** The runs by rank, then latest first. */
export function sortedRuns({ runs }: Board): RunView[] {
  return [...runs.values()].sort(
    (a, b) => a.facts.rank - b.facts.rank || b.facts.startedAt - a.facts.startedAt,
  );
}

/** The run to show. */
export function shownRun(board: Board): RunView | undefined {
  const chosen = board.chosen === undefined ? undefined : board.runs.get(board.chosen);
  if (chosen) return chosen;
  const sorted = sortedRuns(board);
  return sorted.find(({ status }) => status === 'running' || status === 'starting') ?? sorted[0];
}
