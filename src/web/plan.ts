import { html, type Markup } from './kit/html.js';
import { renderTable } from './kit/number-table.js';
import { formatCount, formatShare } from './kit/numbers.js';
import { style } from './kit/style.js';
import { curriculumPanels, type PlanPageCurriculum } from './plan/curriculum-panels.js';

/** A named fact. */
export interface PlanFact {
  readonly name: string;
  readonly value: string;
}

/** Content of the page. */
export interface PlanPage {
  readonly name: string;
  readonly facts: readonly PlanFact[];
  readonly configuration: readonly PlanFact[];
  readonly findings: readonly {
    readonly name: string;
    readonly what: string;
    readonly why: string;
    readonly fix: string;
  }[];
  /** The parts of the run between its amendments. */
  readonly phases: readonly {
    /** The first global step. */
    readonly at: number;
    readonly batchSize: number;
    readonly shares: readonly { readonly name: string; readonly share: number }[];
  }[];
  readonly mixture: readonly {
    readonly name: string;
    readonly samples: number;
    readonly seen: number;
    readonly share: number;
  }[];
  readonly curriculum: PlanPageCurriculum | undefined;
}

/** Colors of sources, repeated cyclically. Adjacent colors are distinct for color-blind readers. */
const sourceColors = ['#2563c9', '#e08a1e', '#1f9e77', '#b8439b', '#7a6ff0', '#8a8f98'];

/** Renders the plan of a run as one HTML page that loads nothing. */
export function renderPlanPage({
  name,
  facts,
  configuration,
  findings,
  phases,
  mixture,
  curriculum,
}: PlanPage): string {
  const title = `Millrace: plan of ${name}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}
.findings { display: grid; gap: 14px; margin: 10px 0 0; padding: 0; list-style: none; }
.findings li { border-left: 3px solid var(--run1); padding-left: 12px; }
.findings p { margin: 2px 0; } .findings .what { color: var(--ink); } h3 { font-size: .95rem; margin: 0; }
.shares { display: flex; height: 14px; border-radius: 7px; overflow: hidden; margin: 10px 0 12px; gap: 2px; }
${sourceColors.map((color, k) => html`.source${k} { background: ${color}; } `)}
.sources .dot { margin-right: 6px; }
.settings .wide-value { grid-column: 1 / -1; }</style></head>
<body><header><h1>Plan of ${name}</h1><p>The samples that the run will see, computed without reading any.</p></header>
<main><section class="wide"><h2>Overview</h2>${factList(facts)}</section>
${findings.length > 0 && findingsPanel(findings)}${phases.length > 0 && phasesPanel(phases)}${mixture.length > 0 && mixturePanel(mixture)}${curriculum && curriculumPanels(curriculum)}
${configuration.length > 0 && html`<section class="wide"><h2>Configuration</h2>${factList(configuration)}</section>`}</main>
<footer>Written by <code>millrace plan</code>.</footer></body></html>
`.toString();
}

function factList(facts: readonly PlanFact[]): Markup {
  const long = 60;
  const items = facts.map(
    ({ name, value }) =>
      html`<div${value.length > long && html` class="wide-value"`}><dt>${name}</dt><dd>${value}</dd></div>`,
  );
  return html`<dl class="settings">${items}</dl>`;
}

function findingsPanel(findings: PlanPage['findings']): Markup {
  const items = findings.map(
    ({ name, what, why, fix }) =>
      html`<li><h3>${name}</h3><p class="what">${what}</p><p>${why}</p><p>→ ${fix}</p></li>`,
  );
  return html`<section class="wide"><h2>Problems</h2><ul class="findings">${items}</ul></section>`;
}

const colorOf = (k: number): string => `source${k % sourceColors.length}`;

function shareBar(sources: readonly { readonly share: number }[]): Markup {
  const parts = sources.map(
    ({ share }, k) => html`<span class="${colorOf(k)}" style="flex: ${share}"></span>`,
  );
  return html`<div class="shares" aria-hidden="true">${parts}</div>`;
}

/** The phases as bars of the shares of their sources. */
function phasesPanel(phases: PlanPage['phases']): Markup {
  const names = phases[0]!.shares.map(({ name }) => name);
  const bars = phases.map(
    ({ at, batchSize, shares }) =>
      html`<h3>From step ${formatCount(at)}: ${formatCount(batchSize)} samples a step</h3>${shares.length > 0 && shareBar(shares)}`,
  );
  const rows = phases.map(({ at, batchSize, shares }) => [
    formatCount(at),
    formatCount(batchSize),
    ...shares.map(({ share }) => formatShare(share)),
  ]);
  const columns = ['From step', 'Samples a step', ...names];
  return html`<section class="wide"><h2>Phases</h2>${bars}
${renderTable({ caption: 'What changes, by global step', columns, rows })}</section>`;
}

function mixturePanel(mixture: PlanPage['mixture']): Markup {
  const legend = mixture.map(
    ({ name, share }, k) =>
      html`<li><span class="dot ${colorOf(k)}"></span>${name}, ${formatShare(share)}</li>`,
  );
  const rows = mixture.map(({ name, samples, seen, share }) => [
    name,
    formatCount(samples),
    formatShare(share),
    formatCount(seen),
    (samples === 0 ? 0 : seen / samples).toFixed(2),
  ]);
  return html`<section class="wide"><h2>Mixture</h2>${shareBar(mixture)}
<ul class="legend sources" aria-hidden="true">${legend}</ul>
${renderTable({ caption: 'Sources over the run', columns: ['Source', 'Samples', 'Share', 'Seen', 'Passes'], rows })}</section>`;
}
