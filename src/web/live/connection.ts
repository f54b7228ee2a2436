import type { RunUpdate, RunView } from '../../monitor/dashboard/live-view.js';
import { fromPageJson } from '../../monitor/dashboard/page-json.js';

/** Who is told what comes from the server. */
export interface ConnectionEvents {
  onBoard(runs: readonly RunView[], now: number): void;
  onRun(run: RunView, now: number): void;
  onUpdate(update: RunUpdate, now: number): void;
  onState(connected: boolean): void;
}

/** Pause before another try, where the browser itself gives up. */
const retryMs = 1_000;

/**
 * Listens to the server, again and again: also to the one of a run that is started later at the same address. Each connection begins with
 * everything, so nothing is shown of a process that is gone.
 */
export function connect(events: ConnectionEvents): void {
  const source = new EventSource(`events${location.search}`);
  const on = <T>(type: string, take: (message: T) => void): void =>
    source.addEventListener(type, (event) => take(fromPageJson((event as MessageEvent<string>).data) as T));
  on<{ runs: RunView[]; now: number }>('board', ({ runs, now }) => {
    events.onState(true);
    events.onBoard(runs, now);
  });
  on<{ run: RunView; now: number }>('run', ({ run, now }) => events.onRun(run, now));
  on<{ update: RunUpdate; now: number }>('update', ({ update, now }) => events.onUpdate(update, now));
  source.addEventListener('error', () => {
    events.onState(false);
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    setTimeout(() => connect(events), retryMs);
  });
}
