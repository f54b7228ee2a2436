// Formats numbers for the terminal, the pages and the live page. English grouping in every locale, so that outputs compare.

/** Makes a formatter when it is first used: the first one of a process takes milliseconds, which a command without numbers saves. */
function formatter(options: Intl.NumberFormatOptions): { format(value: number): string } {
  let made: Intl.NumberFormat | undefined;
  return {
    format(value) {
      made ??= new Intl.NumberFormat('en', options);
      return made.format(value);
    },
  };
}

const whole = formatter({ maximumFractionDigits: 0 });
const three = formatter({ maximumSignificantDigits: 3 });
const compact = formatter({ notation: 'compact', maximumSignificantDigits: 3 });

/** `12,345`. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** Three significant digits: `4.12`, `12.3K`, `1.2M`; `1.2e-9` below 0.0001 and `1.2e15` from there on. */
export function formatCompact(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return exponential(value);
  return size < 1_000 ? three.format(value) : compact.format(value);
}

/** Integers in full, other numbers to four significant digits: `12,345`, `0.1235`. */
export function formatValue(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(4)));
}

/** `12.3 %` for a share of 0 … 1; `0 %` and `100 %` without decimals. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1).replace(/^(0|100)\.0$/, '$1')} %`;
}

/** `2.5 MB`; a kilobyte is 1,000 bytes. */
export function formatBytes(byteLength: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = byteLength;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${unit === 0 || size >= 99.95 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}

/** `850 µs`, `12.3 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return '–';
  if (durationMs > 0 && durationMs < 0.9995) return `${Math.round(durationMs * 1_000)} µs`;
  if (durationMs < 999.5) return `${three.format(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** Local time: `14:03:21`. */
export function formatClock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

function exponential(value: number): string {
  return Number(value.toPrecision(3)).toExponential().replace('e+', 'e');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
