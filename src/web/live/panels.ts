import type { LiveProblem, RunView } from '../../monitor/dashboard/live-view.js';
import type { RunFigures } from '../../monitor/run-statistics.js';
import { html, type Markup } from '../kit/html.js';
import { formatClock, formatCompact, formatCount, formatDuration, formatShare } from '../kit/numbers.js';
import { slowestStage } from './stage-bar.js';

/** A trainer that waits for less is kept busy. */
const fewWaits = 0.05;

/** A silence that is shorter is none to speak of. */
export const silenceMs = 3_000;

/** What the figures come to, in a sentence or two. */
export function verdictOf(run: RunView, now: number): string {
  return [skippedText(run.figures), paceOf(run, now)].filter(Boolean).join(' ');
}

/** A run that leaves samples out is not well, however fast it is. */
function skippedText(figures: RunFigures | undefined): string {
  if (!figures || figures.skipped === 0) return '';
  const { skipped, samples } = figures;
  const some = `${formatCount(skipped)} ${skipped === 1 ? 'sample was' : 'samples were'} left out`;
  return `${some}, ${formatShare(skipped / (skipped + samples))} of all: the reasons are below.`;
}

function paceOf({ figures, status }: RunView, now: number): string {
  if (status === 'failed') return 'The run has stopped on an error. It is below.';
  if (status === 'running' && figures) {
    const silent = now - figures.at;
    if (figures.waitingMs > 0 && silent > silenceMs)
      return `The trainer has been waiting for ${figures.batches === 0 ? 'the first' : 'a'} batch for ${formatDuration(Math.max(figures.waitingMs, silent))}.`;
    if (figures.batches > 0 && silent > silenceMs)
      return `No batch for ${formatDuration(silent)}: the trainer is busy with something else, or its thread is blocked.`;
  }
  if (!figures || figures.batches === 0) return 'Nothing has been loaded yet.';
  const { elapsedMs, waitMs } = figures;
  const waited = status === 'running' ? figures.waitShare : waitMs / (elapsedMs || 1);
  if (waited < fewWaits)
    return figures.skipped > 0
      ? `The trainer waits for data ${formatShare(waited)} of the time.`
      : `Data keeps up: the trainer waits ${formatShare(waited)} of the time.`;
  return `The trainer waits for data ${formatShare(waited)} of the time. Most of a batch’s time goes into ${slowestStage(figures)}.`;
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string | Markup;
  readonly warn?: boolean;
}

/** The large figures: of the last moment, or of the whole run once it has ended. */
export function renderFigures(run: RunFigures, isOver: boolean): Markup {
  const figures = isOver ? wholeRun(run) : run;
  const { samples, tokens, waitShare, waitMs, ready, underWay, numWorkers, epoch, length } = figures;
  const done = figures.batches === 0 ? 0 : figures.batch + 1;
  const shown: Figure[] = [
    {
      name: 'Samples a second',
      value: formatCompact(figures.samplesPerSecond),
      note: `${formatCount(samples)} so far`,
    },
    ...(tokens > 0
      ? [
          {
            name: 'Tokens a second',
            value: formatCompact(figures.tokensPerSecond),
            note: `${formatCompact(tokens)} so far`,
          },
        ]
      : [
          {
            name: 'Bytes a second',
            value: `${formatCompact(figures.bytesPerSecond)}B`,
            note: `${formatCompact(figures.bytes)}B so far`,
          },
        ]),
    {
      name: 'Waiting for data',
      value: formatShare(waitShare),
      note: `${formatDuration(waitMs)} in all`,
      warn: waitShare >= fewWaits,
    },
    {
      name: 'Batches ready',
      value: formatCount(ready),
      note:
        numWorkers === 0
          ? 'made when asked for'
          : `${formatCount(underWay)} under way, ${formatCount(numWorkers)} ${numWorkers === 1 ? 'worker' : 'workers'}`,
    },
    { name: `Epoch ${formatCount(epoch)}`, value: formatCount(done), note: progress(done, length) },
  ];
  return html`${shown.map(
    ({ name, value, note, warn }) =>
      html`<div><dt>${name}</dt><dd class="${warn ? 'warn' : ''}">${value}<small>${note}</small></dd></div>`,
  )}`;
}

/** The figures with the rates of the whole run in place of those of its last moment. */
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

/** A line a run. */
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

/** `rank 1`, with the process where ranks do not tell. */
export function runName({ rank, worldSize, pid, dataset }: RunView['facts']): string {
  return worldSize > 1 ? `Rank ${rank}` : `${dataset}, process ${pid}`;
}

export function renderProblems(problems: readonly LiveProblem[], skipped: number): Markup {
  if (problems.length === 0) return html`<p class="empty">None.</p>`;
  const rows = [...problems]
    .reverse()
    .map(
      ({ at, kind, text }) =>
        html`<tr class="${kind}"><th scope="row">${formatClock(at)}</th><td class="text kind">${kind}</td><td class="text">${text}</td></tr>`,
    );
  return html`<table><caption>${formatCount(skipped)} samples skipped in all; the last ${problems.length} entries</caption><thead><tr><th scope="col">When</th><th scope="col" class="text">What</th><th scope="col" class="text">Why</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** The last points as a table. */
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
