import { existsSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

/** Shares of the host's memory in use, in percent; `swap` is `null` where the system does not say. */
export interface HostMemory {
  readonly memory: number;
  readonly swap: number | null;
}

/** Reads the memory of the host, as psutil computes it: what is available without swapping counts as free. */
export function hostMemory(): HostMemory {
  const linux = '/proc/meminfo';
  if (!existsSync(linux)) return { memory: percent(totalmem() - freemem(), totalmem()), swap: null };
  const text = readFileSync(linux, 'utf8');
  const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const [total, swap] = [kilobytes('MemTotal'), kilobytes('SwapTotal')];
  return {
    memory: percent(total - kilobytes('MemAvailable'), total),
    swap: percent(swap - kilobytes('SwapFree'), swap),
  };
}

function percent(used: number, total: number): number {
  return total === 0 ? 0 : Math.round((used / total) * 1000) / 10;
}
