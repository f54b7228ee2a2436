// The page shows reports from other processes to its viewers, so validate them.
import * as v from 'valibot';
import type { RunUpdate, RunView } from './live-view.js';
import { fromPageJson } from './page-json.js';

/** A report from the runs of another process. */
export interface NeighborReport {
  /** Complete views of runs. */
  readonly runs: readonly RunView[];
  /** Changes to runs that were sent before. */
  readonly updates: readonly RunUpdate[];
}

const number = v.union([v.number(), v.nan()]);
const points = v.array(
  v.object({
    at: number,
    samplesPerSecond: number,
    tokensPerSecond: number,
    waitShare: number,
    ready: number,
  }),
);
const spans = v.array(
  v.object({
    lane: v.union([v.number(), v.literal('consumer')]),
    doing: v.picklist(['making', 'waiting']),
    from: number,
    to: number,
    batches: number,
  }),
);
const problems = v.array(v.object({ at: number, kind: v.picklist(['error', 'skipped']), text: v.string() }));
const status = v.picklist(['starting', 'running', 'between passes', 'finished', 'failed', 'lost']);
const image = v.variant('kind', [
  v.object({ kind: v.literal('pixels'), width: number, height: number, rgb: v.string() }),
  v.object({ kind: v.literal('encoded'), url: v.pipe(v.string(), v.startsWith('data:image/')) }),
]);
const peek = v.object({
  epoch: number,
  batch: number,
  samples: number,
  fields: v.array(
    v.object({
      name: v.string(),
      type: v.string(),
      range: v.optional(v.object({ min: number, mean: number, max: number })),
      notFinite: v.optional(v.object({ nan: number, infinite: number, of: number })),
      rows: v.optional(v.array(v.string())),
      texts: v.optional(v.array(v.string())),
      images: v.optional(v.array(image)),
    }),
  ),
});
const figures = v.looseObject({
  ...Object.fromEntries(
    [
      ...[
        'batches',
        'samples',
        'tokens',
        'bytes',
        'elapsedMs',
        'waitMs',
        'skipped',
        'errors',
        'at',
        'epoch',
        'batch',
      ],
      ...[
        'waitingMs',
        'samplesPerSecond',
        'tokensPerSecond',
        'bytesPerSecond',
        'waitShare',
        'ready',
        'underWay',
      ],
      'numWorkers',
    ].map((name) => [name, number]),
  ),
  length: v.optional(number),
  stageMs: v.object({ storage: number, decode: number, transform: number, collate: number, handOff: number }),
  difficulties: v.custom<object>((value) => typeof value === 'object' && value !== null),
});
const facts = v.object({
  key: v.string(),
  pid: number,
  dataset: v.string(),
  rank: number,
  worldSize: number,
  startedAt: number,
  histograms: v.array(v.looseObject({ metric: v.string() })),
  client: v.optional(v.object({ name: v.string(), address: v.string() })),
});
const client = v.object({ batches: number, inFlight: number, waitingMs: number });
const common = {
  status,
  points,
  spans,
  problems,
  client: v.optional(client),
  endedAt: v.optional(number),
};
const schema = v.object({
  runs: v.optional(
    v.array(
      v.object({
        facts,
        ...common,
        figures: v.optional(figures),
        peek: v.optional(peek),
        tuning: v.string(),
      }),
    ),
    [],
  ),
  updates: v.optional(
    v.array(
      v.object({
        key: v.string(),
        ...common,
        figures: v.optional(figures),
        peek: v.optional(peek),
        tuning: v.optional(v.string()),
      }),
    ),
    [],
  ),
  /** A challenge by which the page proves that it has the run's token. */
  challenge: v.optional(v.pipe(v.string(), v.maxLength(100))),
});

/** Parses a report, or the challenge that precedes one. @throws if it is neither */
export function parseReport(text: string): NeighborReport & { readonly challenge?: string | undefined } {
  return v.parse(schema, fromPageJson(text)) as unknown as NeighborReport & { challenge?: string };
}
