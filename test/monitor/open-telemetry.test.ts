// Metrics and spans as OpenTelemetry's own SDK receives them.
import { context, metrics, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openTelemetry } from 'millrace/monitor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runMetrics } from '../../dist/monitor/metrics.js';
import { began, delivered, ScriptedLoader, start } from './run-events.js';

const spans = new InMemorySpanExporter();
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
let reader: PeriodicExportingMetricReader;

beforeEach(() => {
  spans.reset();
  exported.reset();
  reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
});
afterEach(async () => {
  await reader.shutdown();
  metrics.disable();
  trace.disable();
  context.disable();
});

/** The last value of each metric, by name and label. */
async function collected(): Promise<Record<string, number>> {
  exported.reset();
  await reader.forceFlush();
  const found = exported
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  return Object.fromEntries(
    found.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ value, attributes }) => {
        expect(attributes).toHaveProperty('run', 'train');
        const label = Object.entries(attributes).find(([key]) => key !== 'run');
        return [label ? `${descriptor.name} ${label[1]}` : descriptor.name, value as number];
      }),
    ),
  );
}

describe('openTelemetry', () => {
  it('exports every figure of a run until it is closed', async () => {
    const loader = new ScriptedLoader();
    const telemetry = await openTelemetry(loader, { run: 'train' });
    loader.tell(began());
    for (let batch = 1; batch <= 3; batch++) loader.tell(delivered(batch, { waitMs: 100, samples: 32 }));

    const values = await collected();
    expect(values).toMatchObject({ 'millrace.batches': 3, 'millrace.samples': 96, 'millrace.wait': 0.3 });
    const names = new Set(Object.keys(values).map((name) => name.split(' ')[0]));
    const labeled = runMetrics.filter(({ label }) => label).length;
    expect(names.size).toBeGreaterThanOrEqual(runMetrics.length - labeled);

    telemetry.close();
    expect(loader.listeners.size).toBe(0);
    telemetry.statistics.receive(delivered(4));
    expect(await collected()).toEqual(values);
  });

  it('gives slow batches and waits spans within that of their pass', async () => {
    const loader = new ScriptedLoader();
    using _ = await openTelemetry(loader, { run: 'train' });
    loader.tell(began());
    loader.tell(delivered(1, { makeMs: 0.5, waitMs: 0 }));
    loader.tell(delivered(2, { makeMs: 40, waitMs: 30 }));
    const failure = new Error('no picture 13');
    loader.tell({ type: 'ended', at: start + 1000, reason: 'failed', error: failure });

    const [making, waiting, pass, ...others] = spans.getFinishedSpans();
    expect(others).toEqual([]);
    expect(making).toMatchObject({ name: 'make batch', attributes: { batch: 2, run: 'train' } });
    expect(waiting).toMatchObject({ name: 'wait for batch', attributes: { batch: 2 } });
    expect(milliseconds(waiting!.duration)).toBeCloseTo(30);
    expect(pass).toMatchObject({
      name: 'millrace pass',
      status: { code: 2 },
      attributes: { reason: 'failed' },
    });
    expect(pass!.events[0]!.attributes).toMatchObject({ 'exception.message': 'no picture 13' });
    for (const span of [making!, waiting!]) {
      expect(span.parentSpanContext?.spanId).toBe(pass!.spanContext().spanId);
    }
  });
});

function milliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1e3 + nanoseconds / 1e6;
}
