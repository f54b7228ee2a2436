import { batchPanels, difficultyPanel, lengthPanel } from './report/data-panels.js';
import type { DemoReport } from './report/demo-report.js';
import { html } from './report/html.js';
import { trainingPanel, validationPanel } from './report/loss-panels.js';
import { style } from './report/style.js';
import { figures, resultsPanel, settingsPanel } from './report/summary-panels.js';

export type { DemoReport, ReportRun, ReportStep } from './report/demo-report.js';

/**
 * The report of a demo as one HTML page without scripts, fonts or anything else from elsewhere. Every chart has its
 * numbers in a table below it; all text is escaped.
 */
export function renderReport(report: DemoReport): string {
  const title = 'Millrace: one model, two orders';
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}</style></head>
<body><header><h1>${title}</h1>
<p>The same small language model, trained to the same token budget: ${report.runs.map(({ name }) => name).join(' and ')}.</p></header>
<main>${figures(report)}
${resultsPanel(report)}
${validationPanel(report)}${trainingPanel(report)}
${difficultyPanel(report)}${lengthPanel(report)}
${batchPanels(report)}
${settingsPanel(report)}</main>
<footer>Written by <code>millrace demo</code>, ${report.createdAt}.</footer></body></html>
`.toString();
}
