import type { RunUpdate, RunView } from '../../monitor/dashboard/live-view.js';
import { fromPageJson } from '../../monitor/dashboard/page-json.js';

/** Handlers of the server's events. */
export interface ConnectionEvents {
  onBoard(runs: readonly RunView[], now: number): void;
  onRun(run: RunView, now: number): void;
  onUpdate(update: RunUpdate, now: number): void;
  onState(connected: boolean): void;
}

/** Pause before reconnecting if the browser stops retrying, in milliseconds. */
const retryMs = 1_000;

/**
 * Connects to the server and reconnects forever, also to a later run at the same address. Each connection starts with a full
 * snapshot, so the page never shows a process that has ended.
 */
export function connect(events: ConnectionEvents): void {
  const source = new EventSource(`events${location.search}`);
  const on = <T>(type: string, handle: (message: T) => void): void =>
    source.addEventListener(type, (event) => handle(fromPageJson((event as MessageEvent<string>).data) as T));
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
