import type { Attributes, Context, Observable as Instrument, Meter, Span, Tracer } from '@opentelemetry/api';
import { importPeer } from '../core/peer.js';
import type { BatchDelivered, LoaderEvent, Observable } from './loader-events.js';
import { type RunMetric, runMetrics } from './metrics.js';
import type { RunRecording } from './record-run.js';
import { type RunFigures, RunStatistics } from './run-statistics.js';

/** A batch that took less, and that the consumer did not wait for this long, gets no span: there may be 100,000 per second. */
const shortestSpanMs = 1;

/**
 * Reports a loader to OpenTelemetry, through the providers that the application has registered.
 *
 * Metrics are the figures of the live page, named `millrace.…`, read when they are exported. Traces have a span per pass over the
 * loader; in it a span for each batch that took at least a millisecond to make (from a worker's start to its arrival), and for each wait of
 * the consumer that lasted as long.
 *
 * @param attributes - Added to every metric and span, such as a name of the run.
 * @throws {@link MissingPeerError} if the optional package `@opentelemetry/api` is not installed.
 */
export async function openTelemetry(loader: Observable, attributes: Attributes = {}): Promise<RunRecording> {
  const api = await importPeer<typeof import('@opentelemetry/api')>('@opentelemetry/api', 'OpenTelemetry');
  const statistics = new RunStatistics();
  const stopMetrics = reportMetrics(api.metrics.getMeter('millrace'), statistics.reader(), attributes);
  const spans = new PassSpans(api.trace.getTracer('millrace'), attributes, (span) =>
    api.trace.setSpan(api.context.active(), span),
  );
  const leave = loader.observe((event) => {
    statistics.receive(event);
    spans.receive(event);
  });
  const close = (): void => {
    leave();
    stopMetrics();
    spans.end();
  };
  return { statistics, close, [Symbol.dispose]: close };
}

/** Registers all figures with a meter. @returns a function that removes them */
function reportMetrics(meter: Meter, read: () => RunFigures, attributes: Attributes): () => void {
  const instruments = runMetrics.map((metric) => [metric, instrumentOf(meter, metric)] as const);
  const all: Instrument[] = instruments.map(([, instrument]) => instrument);
  const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    const figures = read();
    for (const [metric, instrument] of instruments) {
      const value = metric.read(figures);
      if (typeof value === 'number') result.observe(instrument, value, attributes);
      else {
        for (const [key, one] of Object.entries(value))
          result.observe(instrument, one, { ...attributes, [metric.label ?? 'key']: key });
      }
    }
  };
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

/** OpenTelemetry's names have neither unit nor `_total`: exporters to Prometheus add them. */
function instrumentOf(meter: Meter, { name, help, type }: RunMetric): Instrument {
  const short = name.replace(/_total$/, '').replace(/_seconds$/, '');
  const options = { description: help, ...(/_seconds(?:_total)?$/.test(name) && { unit: 's' }) };
  return type === 'counter'
    ? meter.createObservableCounter(`millrace.${short}`, options)
    : meter.createObservableGauge(`millrace.${short}`, options);
}

/** The spans of a loader's passes. */
class PassSpans {
  readonly #tracer: Tracer;
  readonly #attributes: Attributes;
  readonly #contextOf: (span: Span) => Context;
  #pass: { readonly span: Span; readonly context: Context } | undefined;

  constructor(tracer: Tracer, attributes: Attributes, contextOf: (span: Span) => Context) {
    this.#tracer = tracer;
    this.#attributes = attributes;
    this.#contextOf = contextOf;
  }

  receive(event: LoaderEvent): void {
    switch (event.type) {
      case 'began': {
        this.end();
        const { epoch, rank, worldSize, numWorkers, dataset } = event;
        const attributes = { ...this.#attributes, epoch, rank, worldSize, numWorkers, dataset };
        const span = this.#tracer.startSpan('millrace pass', { startTime: event.at, attributes });
        this.#pass = { span, context: this.#contextOf(span) };
        return;
      }
      case 'delivered':
        this.#deliver(event);
        return;
      case 'ended':
        if (event.error instanceof Error) this.#pass?.span.recordException(event.error, event.at);
        // 2 is SpanStatusCode.ERROR.
        if (event.reason === 'failed') this.#pass?.span.setStatus({ code: 2 });
        this.#pass?.span.setAttribute('reason', event.reason);
        this.end(event.at);
    }
  }

  /** Ends the span of the pass in progress, if there is one. */
  end(at?: number): void {
    this.#pass?.span.end(at);
    this.#pass = undefined;
  }

  #deliver({ at, epoch, batch, samples, worker, startedAt, makeMs, readyAt, waitMs }: BatchDelivered): void {
    const attributes: Attributes = { epoch, batch, samples, ...(worker !== null && { worker }) };
    if (makeMs >= shortestSpanMs) this.#span('make batch', startedAt, readyAt, attributes);
    if (waitMs >= shortestSpanMs) this.#span('wait for batch', at - waitMs, at, attributes);
  }

  #span(name: string, startTime: number, endTime: number, attributes: Attributes): void {
    const all = { ...this.#attributes, ...attributes };
    this.#tracer.startSpan(name, { startTime, attributes: all }, this.#pass?.context).end(endTime);
  }
}
