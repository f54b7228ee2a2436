import type { LiveProblem, RunView } from '../../monitor/dashboard/live-view.js';
import type { RunFigures } from '../../monitor/run-statistics.js';
import { html, type Markup } from '../kit/html.js';
import {
  formatBytes,
  formatClock,
  formatCompact,
  formatCount,
  formatDuration,
  formatShare,
} from '../kit/numbers.js';
import { slowestStage } from './stage-bar.js';

/** Share of waiting below which data keeps up. */
const fewWaits = 0.05;

/** Time without a batch after which the page says so, in milliseconds. */
export const silenceMs = 3_000;

/** Summarizes a run in one or two sentences. */
export function verdictOf(run: RunView, now: number): string {
  return [skippedText(run.figures), paceOf(run, now)].filter(Boolean).join(' ');
}

/** Reports skipped samples, which matter at any speed. */
function skippedText(figures: RunFigures | undefined): string {
  if (!figures || figures.skipped === 0) return '';
  const { skipped, samples } = figures;
  const some = `${formatCount(skipped)} ${skipped === 1 ? 'sample was' : 'samples were'} skipped`;
  return `${some}, ${formatShare(skipped / (skipped + samples))} of all. The reasons are listed below.`;
}

function paceOf({ figures, status }: RunView, now: number): string {
  if (status === 'failed') return 'The run stopped on an error, which is listed below.';
  if (status === 'running' && figures) {
    const silent = now - figures.at;
    if (figures.waitingMs > 0 && silent > silenceMs)
      return `The trainer has been waiting for ${figures.batches === 0 ? 'the first' : 'a'} batch for ${formatDuration(Math.max(figures.waitingMs, silent))}.`;
    if (figures.batches > 0 && silent > silenceMs)
      return `No batch for ${formatDuration(silent)}: the trainer is busy, or its thread is blocked.`;
  }
  if (!figures || figures.batches === 0) return 'No batch has been loaded yet.';
  const { elapsedMs, waitMs } = figures;
  const waited = status === 'running' ? figures.waitShare : waitMs / (elapsedMs || 1);
  if (waited < fewWaits)
    return figures.skipped > 0
      ? `The trainer waits for data ${formatShare(waited)} of the time.`
      : `Data keeps up: the trainer waits ${formatShare(waited)} of the time.`;
  return `The trainer waits for data ${formatShare(waited)} of the time. The slowest stage is ${slowestStage(figures)}.`;
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string | Markup;
  readonly warn?: boolean;
}

/** Renders the large figures: current ones during a run, totals after it. */
export function renderFigures(run: RunFigures, isOver: boolean): Markup {
  const figures = isOver ? wholeRun(run) : run;
  const { samples, tokens, waitShare, waitMs, ready, underWay, numWorkers, epoch, length } = figures;
  const done = figures.batches === 0 ? 0 : figures.batch + 1;
  const shown: Figure[] = [
    {
      name: 'Samples per second',
      value: formatCompact(figures.samplesPerSecond),
      note: `${formatCount(samples)} so far`,
    },
    ...(tokens > 0
      ? [
          {
            name: 'Tokens per second',
            value: formatCompact(figures.tokensPerSecond),
            note: `${formatCompact(tokens)} so far`,
          },
        ]
      : [
          {
            name: 'Bytes per second',
            value: formatBytes(figures.bytesPerSecond),
            note: `${formatBytes(figures.bytes)} so far`,
          },
        ]),
    {
      name: 'Waiting for data',
      value: formatShare(waitShare),
      note: `${formatDuration(waitMs)} in total`,
      warn: waitShare >= fewWaits,
    },
    {
      name: 'Batches ready',
      value: formatCount(ready),
      note:
        numWorkers === 0
          ? 'made on request'
          : `${formatCount(underWay)} in progress, ${formatCount(numWorkers)} ${numWorkers === 1 ? 'worker' : 'workers'}`,
    },
    { name: `Epoch ${formatCount(epoch)}`, value: formatCount(done), note: progress(done, length) },
  ];
  return html`${shown.map(
    ({ name, value, note, warn }) =>
      html`<div><dt>${name}</dt><dd class="${warn ? 'warn' : ''}">${value}<small>${note}</small></dd></div>`,
  )}`;
}

/** Replaces the current rates by those of the whole run. */
function wholeRun(figures: RunFigures): RunFigures {
  const { samples, tokens, bytes, waitMs, elapsedMs } = figures;
  if (elapsedMs === 0) return figures;
  const perSecond = (amount: number): number => (amount * 1_000) / elapsedMs;
  return {
    ...figures,
    samplesPerSecond: perSecond(samples),
    tokensPerSecond: perSecond(tokens),
    bytesPerSecond: perSecond(bytes),
    waitShare: waitMs / elapsedMs,
  };
}

function progress(done: number, length: number | undefined): Markup | string {
  if (length === undefined) return 'batches of a stream';
  const part = Math.min(100, (done / length) * 100).toFixed(1);
  return html`of ${formatCount(length)} batches<span class="bar" aria-hidden="true"><i style="width:${part}%"></i></span>`;
}

/** Renders a table with one row per run. */
export function renderRanks(runs: readonly RunView[]): Markup {
  const rows = runs.map(({ facts, figures, status }) => {
    const cells = figures
      ? [
          formatCount(figures.batch + 1),
          formatCompact(figures.samplesPerSecond),
          formatCompact(figures.tokensPerSecond),
          formatShare(figures.waitShare),
          formatCount(figures.ready),
        ]
      : ['–', '–', '–', '–', '–'];
    return html`<tr><th scope="row">${runName(facts)}</th><td>${status}</td>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  });
  const columns = ['Run', 'State', 'Batch', 'Samples/s', 'Tokens/s', 'Waiting', 'Ready'];
  return html`<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

/** Renders a table of the processes that get the batches of served loaders. */
export function renderClients(runs: readonly RunView[]): Markup {
  const rows = runs.flatMap(({ facts, client: figures, status }) => {
    if (!facts.client) return [];
    const { batches = 0, inFlight = 0, waitingMs = 0 } = figures ?? {};
    const cells = [
      `${facts.rank} of ${facts.worldSize}`,
      status,
      formatCount(batches),
      formatCount(inFlight),
      inFlight > 0 ? formatDuration(waitingMs) : '–',
    ];
    return [
      html`<tr><th scope="row">${facts.client.name}</th><td class="text">${facts.client.address}</td>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    ];
  });
  const columns = ['Client', 'Address', 'Rank', 'State', 'Batches', 'In flight', 'Waiting'];
  return html`<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

/** `Rank 1`, or dataset and process for a single rank. */
export function runName({ rank, worldSize, pid, dataset, client }: RunView['facts']): string {
  return worldSize > 1 ? `Rank ${rank}` : `${dataset}, ${client?.name ?? `process ${pid}`}`;
}

/** Renders what was delivered of each pass over each source. */
export function renderSources(sources: RunFigures['sources']): Markup {
  const rows = sources.map(
    ({ source, pass, samples, tokens }) =>
      html`<tr><th scope="row">${formatCount(source)}</th>${[pass, samples, tokens].map((cell) => html`<td>${formatCount(cell)}</td>`)}</tr>`,
  );
  const columns = ['Source', 'Pass', 'Samples', 'Tokens'];
  return html`<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

export function renderProblems(problems: readonly LiveProblem[], skipped: number): Markup {
  if (problems.length === 0) return html`<p class="empty">None.</p>`;
  const rows = [...problems]
    .reverse()
    .map(
      ({ at, kind, text }) =>
        html`<tr class="${kind}"><th scope="row">${formatClock(at)}</th><td class="text kind">${kind}</td><td class="text">${text}</td></tr>`,
    );
  return html`<table><caption>${formatCount(skipped)} samples skipped in total; the last ${problems.length} entries</caption><thead><tr><th scope="col">When</th><th scope="col" class="text">What</th><th scope="col" class="text">Why</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** Renders the last points as a table. */
export function renderPoints(
  caption: string,
  points: readonly { readonly at: number; readonly value: number }[],
  format: (value: number) => string,
): Markup {
  const rows = points
    .slice(-20)
    .reverse()
    .map(({ at, value }) => html`<tr><th scope="row">${formatClock(at)}</th><td>${format(value)}</td></tr>`);
  return html`<table><thead><tr><th scope="col">When</th><th scope="col">${caption}</th></tr></thead><tbody>${rows}</tbody></table>`;
}
