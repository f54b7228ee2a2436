import { scaleLinear } from 'd3-scale';
import { type LiveSpan, timelineMs } from '../../monitor/dashboard/live-view.js';
import { renderFrame, round } from '../kit/chart.js';
import { html, type Markup } from '../kit/html.js';
import { formatClock, formatShare } from '../kit/numbers.js';

const laneHeight = 26;
const labelWidth = 86;

/**
 * Renders a lane per worker, and one for the waits of the trainer.
 *
 * @param isOver - Whether the run has ended. The axis then ends at its last span, not at the present.
 */
export function renderTimeline(spans: readonly LiveSpan[], width: number, isOver: boolean): Markup {
  if (spans.length === 0) return html`<p class="empty">No activity recorded yet.</p>`;
  const to = spans.reduce((last, span) => Math.max(last, span.to), 0);
  const from = to - timelineMs;
  const x = scaleLinear([from, to], [labelWidth, width]).clamp(true);
  const workers = [...new Set(spans.flatMap(({ lane }) => (lane === 'consumer' ? [] : [lane])))].sort(
    (a, b) => a - b,
  );
  const lanes: LiveSpan['lane'][] = [...workers, 'consumer'];
  const height = lanes.length * laneHeight + 22;
  const rows = lanes.map((lane, row) => {
    const own = spans.filter((span) => span.lane === lane);
    const y = row * laneHeight;
    const bars = own.map((span) => {
      const start = x(span.from);
      const length = Math.max(lane === 'consumer' ? 0 : 0.7, x(span.to) - start);
      return html`<rect class="${span.doing}" x="${round(start)}" y="${y + 3}" width="${round(length)}" height="${laneHeight - 8}" rx="1.5"/>`;
    });
    return html`<rect class="lane" x="${labelWidth}" y="${y + 3}" width="${width - labelWidth}" height="${laneHeight - 8}" rx="3"/>${bars}<text x="0" y="${y + 17}">${nameOf(lane)}</text>`;
  });
  const ends = html`<text x="${labelWidth}" y="${height - 4}">${isOver ? '10 s before' : '10 s ago'}</text><text class="end" x="${width}" y="${height - 4}">${isOver ? formatClock(to) : 'now'}</text>`;
  const plot = { width, height, left: labelWidth, right: width, top: 0, bottom: height - 22 };
  const chart = renderFrame({ label: describe(lanes, spans, from, to) }, [rows, ends], plot);
  return html`${chart}
<p class="hint">Filled: a worker making a batch, or the trainer waiting for one.</p>`;
}

function nameOf(lane: LiveSpan['lane']): string {
  return lane === 'consumer' ? 'trainer' : `worker ${lane}`;
}

function describe(
  lanes: readonly LiveSpan['lane'][],
  spans: readonly LiveSpan[],
  from: number,
  to: number,
): string {
  return lanes
    .map((lane) => {
      const busy = spans
        .filter((span) => span.lane === lane)
        .reduce((sum, span) => sum + Math.max(0, span.to - Math.max(from, span.from)), 0);
      return `${nameOf(lane)} ${lane === 'consumer' ? 'waited' : 'was busy'} ${formatShare(Math.min(1, busy / (to - from)))} of the time`;
    })
    .join(', ');
}
