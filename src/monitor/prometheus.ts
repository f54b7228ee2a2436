import { importPeer } from '../core/peer.js';
import { type RunMetric, runMetrics } from './metrics.js';
import type { RunFigures } from './run-statistics.js';

/** Figures with the labels of their source: rank and run. */
export interface LabeledFigures {
  readonly labels: { readonly rank: string; readonly run: string };
  readonly figures: RunFigures;
}

/** The part of prom-client's `Registry` used here, so that these types compile without that package. */
export interface PrometheusRegistry {
  /** The text that Prometheus scrapes. */
  metrics(): Promise<string>;
  readonly contentType: string;
}

/**
 * Adds the figures of runs to a prom-client registry, under names that start with `millrace_`.
 *
 * ```ts
 * const register = await prometheusRegistry(() => [{ labels: { rank: '0', run: 'train' }, figures: read() }]);
 * response.end(await register.metrics());
 * ```
 *
 * @param collect - Called at each scrape.
 * @param registry - A `Registry` of prom-client. @defaultValue a new one
 * @throws {@link MissingPeerError} if the optional package prom-client is not installed.
 */
export async function prometheusRegistry(
  collect: () => readonly LabeledFigures[],
  registry?: PrometheusRegistry,
): Promise<PrometheusRegistry> {
  const { default: client } = await importPeer<{ default: typeof import('prom-client') }>(
    'prom-client',
    'Prometheus',
  );
  const target = (registry ?? new client.Registry()) as InstanceType<typeof client.Registry>;
  for (const metric of runMetrics) {
    const { name, help, type, label } = metric;
    const labelNames = ['rank', 'run', ...(label ? [label] : [])];
    const options = { name: `millrace_${name}`, help, labelNames, registers: [target] };
    if (type === 'gauge') {
      new client.Gauge({
        ...options,
        collect() {
          this.reset();
          eachValue(metric, collect(), (labels, value) => this.set(labels, value));
        },
      });
    } else {
      new client.Counter({
        ...options,
        collect() {
          this.reset();
          eachValue(metric, collect(), (labels, value) => this.inc(labels, value));
        },
      });
    }
  }
  return target;
}

function eachValue(
  { label, read }: RunMetric,
  sources: readonly LabeledFigures[],
  take: (labels: Record<string, string>, value: number) => void,
): void {
  for (const { labels, figures } of sources) {
    const value = read(figures);
    if (typeof value === 'number') take({ ...labels }, value);
    else for (const [key, one] of Object.entries(value)) take({ ...labels, [label!]: key }, one);
  }
}
