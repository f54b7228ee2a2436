import { lastOf } from '../../core/last-of.js';
import { formatCompact, formatDuration } from '../../web/kit/numbers.js';

/** State of a stage. */
export interface ProgressFacts {
  readonly title: string;
  readonly done: number;
  /** 0 if unknown. */
  readonly total: number;
  /** What `done` counts. Without a unit, only the share is shown. */
  readonly unit: string | undefined;
  readonly elapsedMs: number;
  readonly note: string;
}

export const titleWidth = 22;
const widestBar = 40;
const narrowestBar = 10;
/** Columns below which a note is dropped. */
const narrowestNote = 8;

/**
 * Renders progress as one line of at most `width` columns: bar, share, counts, rate, time left, note. To fit, shortens the bar,
 * then drops the rate and the counts, then cuts the note.
 */
export function progressLine(facts: ProgressFacts, width: number): string {
  const share = facts.total > 0 ? Math.min(1, facts.done / facts.total) : 0;
  const title = facts.title.padEnd(titleWidth);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const [counts, rate] = countsOf(facts);
  const eta = share > 0 ? `ETA ${formatDuration((facts.elapsedMs * (1 - share)) / share)}` : '';
  const variants = [
    [percent, counts, rate, eta, facts.note],
    [percent, counts, eta, facts.note],
    [percent, eta, facts.note],
  ].map((parts) => parts.filter(Boolean).join('  '));
  const room = width - title.length - 2;
  const text =
    variants.find((variant) => variant.length + narrowestBar <= room) ??
    cutTo(lastOf(variants), room - narrowestBar);
  const bar = Math.max(0, Math.min(widestBar, room - text.length));
  const full = Math.round(bar * share);
  return cutTo(`${title} ${'█'.repeat(full)}${'░'.repeat(bar - full)} ${text}`, width);
}

function countsOf({ done, total, unit, elapsedMs }: ProgressFacts): [string, string] {
  if (unit === undefined || total === 0) return ['', ''];
  const rate = elapsedMs > 0 ? `${formatCompact((done / elapsedMs) * 1_000)}/s` : '';
  return [`${formatCompact(done)}/${formatCompact(total)} ${unit}`, rate];
}

function cutTo(text: string, width: number): string {
  if (text.length <= width) return text;
  return width < narrowestNote ? text.slice(0, Math.max(0, width)) : `${text.slice(0, width - 1)}…`;
}
