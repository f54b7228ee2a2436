// The live page. Draws the state of the server at most once per frame.
import { lastOf } from '../../core/last-of.js';
import type { RunStatus, RunView } from '../../monitor/dashboard/live-view.js';
import type { Markup } from '../kit/html.js';
import { formatCompact, formatCount, formatDuration, formatShare } from '../kit/numbers.js';
import { paintPixels, renderPeek } from './batch-panel.js';
import { type Board, emptyBoard, shownRun, sortedRuns, withAll, withRun, withUpdate } from './board.js';
import { connect } from './connection.js';
import { renderCurriculum } from './curriculum-chart.js';
import {
  renderClients,
  renderFigures,
  renderPoints,
  renderProblems,
  renderRanks,
  renderSources,
  runName,
  silenceMs,
  verdictOf,
} from './panels.js';
import { renderStages } from './stage-bar.js';
import { renderTimeChart } from './time-chart.js';
import { renderTimeline } from './worker-timeline.js';

let board: Board = emptyBoard;
let drawing = false;

function change(next: Board): void {
  board = next;
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

connect({
  onState: (connected) => change({ ...board, connected }),
  onBoard: (runs, now) => change(withAll(atServerTime(now), runs)),
  onRun: (run, now) => change(withRun(atServerTime(now), run)),
  onUpdate: (update, now) => change(withUpdate(atServerTime(now), update)),
});
addEventListener('resize', () => change(board));
// Redraws without events, because the time since the last batch grows.
setInterval(() => change(board), 1_000);
// Scrolling regions must be reachable by keyboard.
for (const element of document.querySelectorAll<HTMLElement>('.scroll')) element.tabIndex = 0;
byId('metrics').setAttribute('href', `metrics${location.search}`);

function atServerTime(now: number): Board {
  return { ...board, clockOffsetMs: now - Date.now() };
}

function draw(): void {
  const run = shownRun(board);
  drawState(run);
  drawRanks(run);
  drawClients();
  if (!run) return;
  const { facts, figures } = run;
  setText(
    'run',
    `${facts.dataset}${facts.worldSize > 1 ? `, rank ${facts.rank} of ${facts.worldSize}` : ''}, process ${facts.pid}, ${run.endedAt === undefined ? 'running' : 'ran'} for ${formatDuration((run.endedAt ?? now()) - facts.startedAt)}`,
  );
  setText('verdict', verdictOf(run, now()));
  if (figures) {
    fill('figures', renderFigures(figures, run.endedAt !== undefined));
    fill('stages', renderStages(figures));
  }
  drawCharts(run);
  fill(
    'timeline',
    renderTimeline(run.spans, widthOf('timeline'), run.endedAt !== undefined || !board.connected),
  );
  drawCurriculum(run);
  drawPeek(run);
  const sources = figures?.sources ?? [];
  byId('sources-panel').hidden = sources.length === 0;
  fill('sources', renderSources(sources));
  fill('problems', renderProblems(run.problems, figures?.skipped ?? 0));
}

const states: Readonly<Record<RunStatus, readonly [text: string, tone: string]>> = {
  starting: ['Starting', 'idle'],
  running: ['Running', 'good'],
  'between passes': ['Between passes', 'idle'],
  finished: ['Finished', 'idle'],
  failed: ['Stopped on an error', 'bad'],
  lost: ['Process lost', 'bad'],
};

function drawState(run: RunView | undefined): void {
  const [text, tone] = stateOf(run);
  const state = byId('state');
  // Set only on a change, so that a screen reader announces it once.
  if (state.textContent !== text) state.textContent = text;
  state.dataset.tone = tone;
  document.body.classList.toggle('stale', !board.connected);
  document.title = run?.figures ? `${formatShare(run.figures.waitShare)} waiting · Millrace` : 'Millrace';
}

function stateOf(run: RunView | undefined): readonly [text: string, tone: string] {
  if (!board.connected)
    return [run ? 'Disconnected, retrying: the process has ended or is busy' : 'Connecting …', 'warn'];
  if (!run) return ['Waiting for a run to start', 'idle'];
  const { status, figures } = run;
  if (status === 'running' && figures && now() - figures.at > silenceMs)
    return [figures.waitingMs > 0 ? 'Waiting for data' : 'Running, no recent batch', 'warn'];
  return states[status];
}

function now(): number {
  return Date.now() + board.clockOffsetMs;
}

function drawRanks(shown: RunView | undefined): void {
  const runs = sortedRuns(board);
  const nav = byId('ranks');
  const panel = byId('all-ranks');
  nav.hidden = runs.length < 2;
  panel.hidden = nav.hidden;
  if (nav.hidden) return;
  fillIn(panel.querySelector('.scroll')!, renderRanks(runs));
  const keys = runs.map(({ facts }) => facts.key).join();
  // Keep the buttons, so that the focused one keeps its focus.
  if (nav.dataset.keys !== keys) {
    nav.dataset.keys = keys;
    nav.replaceChildren(...runs.map(({ facts }) => rankButton(facts)));
  }
  for (const button of nav.querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.key === shown?.facts.key));
}

function drawClients(): void {
  const runs = sortedRuns(board).filter(({ facts }) => facts.client !== undefined);
  byId('clients-panel').hidden = runs.length === 0;
  fill('clients', renderClients(runs));
}

function rankButton(facts: RunView['facts']): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = runName(facts);
  button.dataset.key = facts.key;
  button.addEventListener('click', () => change({ ...board, chosen: facts.key }));
  return button;
}

function drawCharts({ points, figures, status }: RunView): void {
  // The charts of a finished run end at its last point.
  const until = status === 'running' && board.connected ? now() : undefined;
  const waits = points.map(({ at, waitShare }) => ({ at, value: waitShare }));
  const hasTokens = (figures?.tokens ?? 0) > 0;
  const unit = hasTokens ? 'Tokens per second' : 'Samples per second';
  const speeds = points.map((point) => ({
    at: point.at,
    value: hasTokens ? point.tokensPerSecond : point.samplesPerSecond,
  }));
  setText('speed-hint', `${unit}.`);
  const latest = (values: typeof waits, format: (value: number) => string): string =>
    values.length > 0 ? format(lastOf(values).value) : 'unknown';
  fill(
    'waiting',
    renderTimeChart({
      description: `Waiting for data over time, ${until === undefined ? 'at its end' : 'now'} ${latest(waits, formatShare)}`,
      points: waits,
      until,
      look: 'wait',
      atLeast: 1,
      format: (share) => `${formatCompact(share * 100)} %`,
      width: widthOf('waiting'),
    }),
  );
  fill(
    'speed',
    renderTimeChart({
      description: `${unit} over time, ${until === undefined ? 'at its end' : 'now'} ${latest(speeds, formatCompact)}`,
      points: speeds,
      until,
      look: 'flow',
      atLeast: 0,
      format: formatCompact,
      width: widthOf('speed'),
    }),
  );
  fill('waiting-table', renderPoints('Waiting', waits, formatShare));
  fill('speed-table', renderPoints(unit, speeds, formatCompact));
}

function drawCurriculum({ facts, figures }: RunView): void {
  const panel = byId('curriculum-panel');
  const shown = facts.histograms.filter(({ metric }) => figures?.difficulties[metric] !== undefined);
  panel.hidden = shown.length === 0;
  if (panel.hidden) return;
  const width = widthOf('curriculum');
  const charts = shown.map((histogram) =>
    renderCurriculum(histogram, figures!.difficulties[histogram.metric]!, width),
  );
  byId('curriculum').innerHTML = charts.join('');
}

let drawnPeek: unknown;

function drawPeek({ peek }: RunView): void {
  setText(
    'peek-hint',
    peek
      ? `Batch ${formatCount(peek.batch)} of epoch ${formatCount(peek.epoch)}, ${formatCount(peek.samples)} samples; updated every two seconds.`
      : 'Waiting for a batch.',
  );
  // Redrawing would clear a text selection.
  if (peek === drawnPeek) return;
  drawnPeek = peek;
  const element = byId('peek');
  element.innerHTML = peek ? renderPeek(peek).toString() : '';
  if (peek) paintPixels(element, peek);
}

function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

function setText(id: string, text: string): void {
  byId(id).textContent = text;
}

function fill(id: string, content: Markup): void {
  fillIn(byId(id), content);
}

function fillIn(element: Element, content: Markup): void {
  element.innerHTML = content.toString();
}

/** Width in pixels. Charts are drawn at this width, so that their text stays readable on a phone. */
function widthOf(id: string): number {
  return Math.max(240, Math.floor(byId(id).clientWidth));
}
