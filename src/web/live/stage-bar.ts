import type { RunFigures, StageName } from '../../monitor/run-statistics.js';
import { html, type Markup } from '../kit/html.js';
import { formatDuration, formatShare } from '../kit/numbers.js';

const names: readonly (readonly [stage: StageName, name: string])[] = [
  ['storage', 'Storage'],
  ['decode', 'Decode'],
  ['transform', 'Transform'],
  ['collate', 'Collate'],
  ['handOff', 'Hand-off'],
];

/** Renders the stages of a batch in order, with their shares. */
export function renderStages({ stageMs, batches }: RunFigures): Markup {
  const total = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0);
  if (total === 0 || batches === 0) return html`<p class="empty">No batch has been measured yet.</p>`;
  const bar = names.map(
    ([stage]) => html`<i class="${stage}" style="width:${((stageMs[stage] / total) * 100).toFixed(2)}%"></i>`,
  );
  const legend = names.map(
    ([stage, name]) =>
      html`<div><dt class="${stage}">${name}</dt><dd>${formatShare(stageMs[stage] / total)}<small>${formatDuration(stageMs[stage] / batches)} per batch</small></dd></div>`,
  );
  return html`<div class="stack" aria-hidden="true">${bar}</div><dl class="stages">${legend}</dl>`;
}

/** Name of the slowest stage. */
export function slowestStage({ stageMs }: RunFigures): string {
  const [[, name]] = [...names].sort(([a], [b]) => stageMs[b] - stageMs[a]) as [readonly [StageName, string]];
  return name.toLowerCase();
}
