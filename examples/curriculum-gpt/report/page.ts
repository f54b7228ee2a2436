import { html } from '../../../dist/web/kit/html.js';
import { style } from '../../../dist/web/kit/style.js';
import { batchPanels, difficultyPanel, lengthPanel } from './data-panels.js';
import { trainingPanel, validationPanel } from './loss-panels.js';
import type { Report } from './report.js';
import { figures, resultsPanel, settingsPanel } from './summary-panels.js';

/**
 * Renders the report as one HTML page that loads nothing: no scripts, no fonts. A table below each chart has its numbers. All
 * text is escaped.
 */
export function renderReport(report: Report): string {
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
<footer>Written by <code>npm start</code>, ${report.createdAt}.</footer></body></html>
`.toString();
}
