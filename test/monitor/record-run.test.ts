// Recordings of a run, read back by independent parsers: a CSV parser, protobufjs with TensorFlow's field numbers,
// another CRC-32C.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32c as otherCrc32c } from '@aws-crypto/crc32c';
import fc from 'fast-check';
import { DataLoader } from 'millrace';
import { prometheusRegistry, RunStatistics, recordRun } from 'millrace/monitor';
import Papa from 'papaparse';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../dist/monitor/crc32c.js';
import { runMetrics, valuesOf } from '../../dist/monitor/metrics.js';
import { batchesOf, range } from '../loader/collect.js';
import { began, delivered, ScriptedLoader, start } from './run-events.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-record-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Records forty batches in four seconds. */
function recorded(options: object): void {
  const loader = new ScriptedLoader();
  using _ = recordRun(loader, options as never);
  loader.tell(began());
  for (let batch = 1; batch <= 40; batch++) loader.tell(delivered(batch));
}

describe('a trace', () => {
  interface Span {
    name: string;
    ph: string;
    ts: number;
    dur: number;
    pid: number;
    tid: number;
    args: Record<string, unknown>;
  }
  const read = (path: string): Span[] => JSON.parse(readFileSync(path, 'utf8')) as Span[];

  it('has one lane per worker and one for the consumer, with every batch in microseconds on the lane of its worker', () => {
    recorded({ trace: join(folder, 'trace.json') });
    const events = read(join(folder, 'trace.json'));
    const names = events
      .filter(({ name }) => name === 'thread_name')
      .map(({ tid, args }) => [tid, args.name]);
    expect(names).toEqual([
      [0, 'consumer'],
      [2, 'worker 1'],
      [1, 'worker 0'],
    ]);
    const third = events.filter(({ name }) => name === 'batch 0/3');
    expect(third).toHaveLength(1);
    expect(third[0]).toMatchObject({
      ph: 'X',
      tid: 2,
      ts: (start + 220) * 1_000,
      dur: 60_000,
      args: { samples: 8 },
    });
    const waits = events.filter(({ name }) => name === 'wait');
    expect(waits).toHaveLength(40);
    expect(waits[0]).toMatchObject({ tid: 0, ts: (start + 70) * 1_000, dur: 30_000 });
    expect(events.filter(({ ph }) => ph === 'C')).toHaveLength(40);
  });

  it('keeps the spans of a lane disjoint or nested, as viewers require', async () => {
    const loader = new DataLoader(range(400), { batchSize: 8, numWorkers: 2 });
    const path = join(folder, 'trace.json');
    const recording = recordRun(loader, { trace: path });
    await batchesOf(loader);
    await loader.close();
    recording.close();
    const events = read(path);
    expect(events.filter(({ name }) => name.startsWith('batch '))).toHaveLength(50);
    const known = new Set(['X', 'C', 'i', 'M']);
    for (const { ph, ts, dur } of events) {
      expect(known.has(ph)).toBe(true);
      if (ph === 'X') expect(Number.isFinite(ts) && dur >= 0).toBe(true);
    }
    for (const lane of new Set(events.map(({ tid }) => tid))) {
      const making = events.filter(({ tid, name }) => tid === lane && name.startsWith('batch '));
      making.sort((a, b) => a.ts - b.ts);
      for (const [k, span] of making.entries())
        if (k > 0) expect(span.ts).toBeGreaterThanOrEqual(making[k - 1]!.ts + making[k - 1]!.dur - 1);
    }
  });

  it('is complete JSON once it is closed, after a failed run too', () => {
    const loader = new ScriptedLoader();
    const recording = recordRun(loader, { trace: join(folder, 'trace.json') });
    loader.tell(began(), {
      type: 'ended',
      at: start + 5,
      reason: 'failed',
      error: new Error('no "picture"\n17'),
    });
    recording.close();
    const [last] = read(join(folder, 'trace.json')).slice(-1);
    expect(last).toMatchObject({ name: 'pass failed', args: { detail: 'no "picture"\n17' } });
  });
});

describe('a CSV file', () => {
  it('has one line per moment with all figures, and one at the end', () => {
    recorded({ csv: join(folder, 'run.csv'), everyMs: 1_000 });
    const { data, errors } = Papa.parse<Record<string, string>>(
      readFileSync(join(folder, 'run.csv'), 'utf8').trim(),
      {
        header: true,
      },
    );
    expect(errors).toEqual([]);
    expect(data.map(({ batches_total }) => batches_total)).toEqual(['11', '21', '31', '40']);
    expect(data[1]).toMatchObject({
      samples_per_second: '80',
      wait_share: '0.3',
      time: '2023-11-14T22:13:22.100Z',
    });
    expect(data[1]).toHaveProperty('stage_seconds_total_decode', String((20 * 21) / 1_000));
  });
});

describe('a TensorBoard run', () => {
  const schema = protobuf.parse(`syntax = "proto3";
    message Value { string tag = 1; float simple_value = 2; }
    message Summary { repeated Value value = 1; }
    message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }`).root;

  interface TensorBoardEvent {
    wallTime: number;
    step: number;
    fileVersion?: string;
    summary?: { value: { tag: string; simpleValue: number }[] };
  }

  function read(bytes: Buffer): TensorBoardEvent[] {
    const events: TensorBoardEvent[] = [];
    const unmask = (masked: number): number => {
      const turned = (masked - 0xa282ead8) >>> 0;
      return ((turned << 15) | (turned >>> 17)) >>> 0;
    };
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      expect(unmask(bytes.readUInt32LE(at + 8))).toBe(otherCrc32c(bytes.subarray(at, at + 8)));
      const content = bytes.subarray(at + 12, at + 12 + length);
      expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(otherCrc32c(content));
      const type = schema.lookupType('Event');
      events.push(type.toObject(type.decode(content), { longs: Number, defaults: true }) as TensorBoardEvent);
      at += 16 + length;
    }
    return events;
  }

  it('reads back as TensorFlow events with correct checksums and the same figures as the CSV file', () => {
    recorded({ tensorBoard: join(folder, 'runs'), csv: join(folder, 'run.csv'), everyMs: 1_000 });
    const [file, ...others] = readdirSync(join(folder, 'runs'));
    expect(others).toEqual([]);
    expect(file).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const [version, ...events] = read(readFileSync(join(folder, 'runs', file!)));
    expect(version).toMatchObject({ fileVersion: 'brain.Event:2' });
    expect(events.map(({ step }) => step)).toEqual([11, 21, 31, 40]);
    expect(events[1]!.wallTime).toBe((start + 2_100) / 1_000);
    const scalars = new Map(events[1]!.summary!.value.map(({ tag, simpleValue }) => [tag, simpleValue]));
    expect(scalars.get('millrace/samples_per_second')).toBe(80);
    const [names, ...lines] = readFileSync(join(folder, 'run.csv'), 'utf8').trim().split('\n');
    const cells = lines[1]!.split(',');
    for (const [k, name] of names!.split(',').entries()) {
      if (k === 0) continue;
      const tag = [...scalars.keys()].find((key) => key.replace('millrace/', '').replace('/', '_') === name);
      expect(scalars.get(tag!), name).toBeCloseTo(Number(cells[k]), 3);
    }
  });

  it('computes the same CRC-32C as another implementation', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => crc32c(bytes) === otherCrc32c(bytes)),
    );
  });
});

describe('the text for Prometheus', () => {
  it('has every figure with its type, rank and run', async () => {
    const statistics = new RunStatistics();
    for (const batch of [1, 2, 3]) statistics.receive(delivered(batch));
    const figures = statistics.reader()();
    const registry = await prometheusRegistry(() => [
      { labels: { rank: '0', run: 'a' }, figures },
      { labels: { rank: '1', run: 'b' }, figures: { ...figures, samples: 7 } },
    ]);
    const text = await registry.metrics();
    expect(text).toContain('# TYPE millrace_samples_total counter');
    expect(text).toContain('millrace_samples_total{rank="0",run="a"} 24');
    expect(text).toContain('millrace_samples_total{rank="1",run="b"} 7');
    expect(text).toContain('millrace_stage_seconds_total{rank="0",run="a",stage="transform"} 0.075');
    for (const { name, type } of runMetrics) expect(text).toContain(`# TYPE millrace_${name} ${type}`);
    // Repeated scrapes must not add counters up.
    expect(await registry.metrics()).toBe(text);
  });

  it('has the same figures as TensorBoard and CSV', () => {
    const statistics = new RunStatistics();
    statistics.receive(delivered(1));
    const names = new Set(valuesOf(statistics.reader()()).map(({ metric }) => metric.name));
    // A run without a curriculum and without provenance has none of these.
    const absent = runMetrics.filter(({ label }) => label === 'metric' || label?.startsWith('source'));
    expect(absent.length).toBe(3);
    expect([...names]).toEqual(
      runMetrics.filter((metric) => !absent.includes(metric)).map(({ name }) => name),
    );
  });
});

describe('recording a run', () => {
  it('does not stop training when a write fails, and warns once', () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listen);
    const loader = new ScriptedLoader();
    const recording = recordRun(loader, { trace: '/dev/full' });
    loader.tell(began());
    for (let batch = 1; batch <= 2_000; batch++) loader.tell(delivered(batch));
    recording.close();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      process.off('warning', listen);
      expect(warnings.map((warning) => (warning as { code?: string }).code)).toEqual(['MILLRACE_RECORDING']);
      expect(warnings[0]!.message).toContain('/dev/full');
    });
  });

  it('requires at least one output, and rejects unknown options', () => {
    expect(() => recordRun(new ScriptedLoader(), {})).toThrow('must name at least one output');
    expect(() => recordRun(new ScriptedLoader(), { tracee: 'x' } as never)).toThrow('did you mean trace?');
  });
});
