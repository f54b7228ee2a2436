// DeepSpeed's older curriculum, by sequence length, against vectors of DeepSpeed and Megatron-DeepSpeed.
import { ArrayDataset, type Tensor, tensor } from 'millrace';
import { CurriculumScheduler, cutToSeqlen, deepspeedIo, parseDeepSpeedConfig } from 'millrace/deepspeed';
import { ConfigError, ShapeError, StateMismatchError } from 'millrace/errors';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CurriculumConfig } from '../../dist/deepspeed/schedule-config.js';
import { recorded } from './originals.js';

interface Schedule {
  readonly section: CurriculumConfig & { readonly enabled: true; readonly curriculum_type: 'seqlen' };
  /** Length of global steps 0, 1, … */
  readonly lengths: readonly number[];
  readonly warnings: number;
}

interface Batch {
  readonly text: readonly number[][];
  readonly seqlen: number;
  readonly truncate: readonly number[][];
  readonly reshape: readonly number[][];
  readonly legacy: Readonly<Record<string, readonly number[][]>>;
}

const schedules = recorded<Schedule>('seqlen-schedules.json');
const tokens = 2048;

function matrix(rows: readonly (readonly number[])[]): Tensor<'int32'> {
  return tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]!.length]);
}

function rowsOf({ data, shape }: Tensor): number[][] {
  const [rows, width] = shape as [number, number];
  return Array.from({ length: rows }, (_, k) => Array.from(data.slice(k * width, (k + 1) * width), Number));
}

/** Samples of two fields, each with its index everywhere. */
function dataset(samples: number, width = tokens) {
  return new ArrayDataset(
    Array.from({ length: samples }, (_, index) => ({
      input_ids: new Int32Array(width).fill(index),
      labels: new Int32Array(width).fill(index),
    })),
  );
}

async function widths(loader: AsyncIterable<{ readonly input_ids: Tensor }>, most = 1000): Promise<number[]> {
  const found: number[] = [];
  for await (const { input_ids } of loader) {
    found.push(input_ids.shape[1]!);
    if (found.length === most) break;
  }
  return found;
}

afterEach(() => vi.restoreAllMocks());

describe('cutToSeqlen', () => {
  it.each(recorded<Batch>('seqlen-batches.json'))('cuts as Megatron-DeepSpeed, case %#', (golden) => {
    const { text, seqlen, truncate, reshape, legacy } = golden;
    const batch = { text: matrix(text), name: 'kept' };
    const cut = (way: 'truncate' | 'reshape') => cutToSeqlen(batch, seqlen, { way });
    expect([rowsOf(cut('truncate').text), cut('truncate').name]).toEqual([truncate, 'kept']);
    expect(rowsOf(cut('reshape').text)).toEqual(reshape);
    const fields = Object.entries({
      tokens: text.map((row) => row.slice(0, -1)),
      labels: text.map((row) => row.slice(1)),
      position_ids: text.map((row) => row.slice(1).map((_, k) => k)),
      loss_mask: text.map((row) => row.slice(1).map(() => 1)),
    });
    const whole = Object.fromEntries(fields.map(([name, rows]) => [name, matrix(rows)]));
    const kept = Object.entries(cutToSeqlen(whole, seqlen)).map(([name, value]) => [name, rowsOf(value)]);
    expect(Object.fromEntries(kept)).toEqual(legacy);
  });

  it('cuts an attention mask in its last two dimensions, and tensors of more dimensions in the second', () => {
    const batch = {
      attention_mask: tensor(
        Int32Array.from({ length: 2 * 16 }, (_, k) => k),
        [2, 1, 4, 4],
      ),
      features: tensor(
        Int32Array.from({ length: 24 }, (_, k) => k),
        [2, 4, 3],
      ),
      weight: tensor(Float32Array.of(1, 2)),
    };
    const cut = cutToSeqlen(batch, 2);
    expect([cut.attention_mask.shape, [...cut.attention_mask.data]]).toEqual([
      [2, 1, 2, 2],
      [0, 1, 4, 5, 16, 17, 20, 21],
    ]);
    expect([...cut.features.data]).toEqual([0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]);
    expect(cut.weight).toBe(batch.weight);
    expect(batch.attention_mask.shape).toEqual([2, 1, 4, 4]);
  });

  it('refuses to reshape fields without one element for each token, and invalid lengths', () => {
    const mask = { attention_mask: tensor(new Int32Array(16), [1, 1, 4, 4]) };
    expect(() => cutToSeqlen(mask, 2, { way: 'reshape' })).toThrow(ShapeError);
    expect(() => cutToSeqlen({ w: tensor(new Int32Array(4)) }, 2, { way: 'reshape' })).toThrow(
      /^w of shape \[4\]/,
    );
    expect(() => cutToSeqlen({}, 0)).toThrow(/seqlen: must be/);
  });
});

describe('curriculum_learning with curriculum_type seqlen', () => {
  it('has the lengths of DeepSpeed, and its warning about steps that are not multiples of 8', () => {
    for (const { section, lengths, warnings } of schedules) {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const scheduler = new CurriculumScheduler(section, { parity: true });
      expect(lengths.map((_, step) => scheduler.updateDifficulty(step + 1))).toEqual(lengths);
      // DeepSpeed's vectors were recorded for two schedulers.
      expect(warn.mock.calls.length * 2).toBe(warnings);
      if (warnings > 0)
        expect(warn.mock.calls[0]).toEqual([expect.stringMatching(/multiples of 8/), expect.anything()]);
      vi.restoreAllMocks();
    }
  });

  it('is refused if it is of another type, without its schedule, or with a function that no file holds', () => {
    const { section } = schedules[0]!;
    const parse = (changes: object) =>
      parseDeepSpeedConfig({ train_batch_size: 2, curriculum_learning: { ...section, ...changes } });
    expect(parse({}).seqlenCurriculum).toMatchObject({ min_difficulty: 64, max_difficulty: 1024 });
    expect(parse({ enabled: false }).seqlenCurriculum).toBeNull();
    expect(() => parse({ curriculum_type: 'rarity' })).toThrow(
      /curriculum_learning\.curriculum_type: must be 'seqlen'/,
    );
    expect(() => parse({ schedule_config: {} })).toThrow(
      /curriculum_learning\.schedule_config\.total_curriculum_step/,
    );
    expect(() => parse({ schedule_type: 'custom' })).toThrow(/schedule_type: is custom/);
    expect(() => parse({ minimum: 1 })).toThrow(ConfigError);
  });

  it.each([0, 2])(
    'cuts the batches of deepspeedIo to the length of their global step, with %i workers',
    async (numLocalIoWorkers) => {
      const { section, lengths } = schedules[0]!;
      const json = { train_batch_size: 4, gradient_accumulation_steps: 2, curriculum_learning: section };
      const loader = deepspeedIo(json, dataset(20), { numLocalIoWorkers, parity: true });
      // Two micro-batches a step, and the next epoch continues the count.
      const steps = [...lengths.slice(0, 10)].flatMap((length) => [length, length]);
      expect([...(await widths(loader)), ...(await widths(loader))]).toEqual(steps);
      expect(loader.curriculumSeqlen).toBe(lengths[9]);
      await loader.close();
    },
  );

  it('evaluates on whole sequences', async () => {
    const json = { train_batch_size: 2, curriculum_learning: schedules[0]!.section };
    const loader = deepspeedIo(json, dataset(4), { route: 'eval', numLocalIoWorkers: 0 });
    expect(await widths(loader)).toEqual([tokens, tokens]);
  });

  it('reshapes on request', async () => {
    const section = { ...schedules[0]!.section, min_difficulty: 64, max_difficulty: 64 };
    const json = { train_batch_size: 2, curriculum_learning: section };
    const loader = deepspeedIo(json, dataset(4, 128), { seqlenWay: 'reshape', numLocalIoWorkers: 0 });
    for await (const { input_ids, labels } of loader) {
      expect([input_ids.shape, labels.shape]).toEqual([
        [4, 64],
        [4, 64],
      ]);
    }
  });

  it('continues from a state at any batch, and refuses the state of a loader without it', async () => {
    const { section, lengths } = schedules[0]!;
    const json = { train_batch_size: 4, gradient_accumulation_steps: 2, curriculum_learning: section };
    const open = () => deepspeedIo(json, dataset(20), { numLocalIoWorkers: 0, parity: true });
    const expected = lengths.slice(0, 5).flatMap((length) => [length, length]);
    for (let delivered = 0; delivered < 10; delivered++) {
      const before = open();
      if (delivered > 0) await widths(before, delivered);
      const after = open();
      after.loadStateDict(JSON.parse(JSON.stringify(before.stateDict())));
      expect(await widths(after)).toEqual(expected.slice(delivered));
    }
    const plain = deepspeedIo({ train_batch_size: 4 }, dataset(20), { numLocalIoWorkers: 0 });
    expect(() => plain.loadStateDict(open().stateDict())).toThrow(StateMismatchError);
    expect(() => open().loadStateDict(plain.stateDict())).toThrow(/another kind of loader/);
  });
});
