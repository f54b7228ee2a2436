// What TRL 1.13 prepares from the same rows (test/golden/chat/make_trl.py), beside what Millrace prepares. docs/tokens.md says where they
// differ, and why.
import { readFileSync } from 'node:fs';
import { ArrayDataset } from 'millrace';
import {
  chatDataset,
  loadTokenizer,
  PackedDataset,
  packCollate,
  preferenceDataset,
  promptDataset,
} from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-tokenizer.js';

type Row = Readonly<Record<string, unknown>>;
interface Prepared {
  readonly row: Row;
  readonly inputIds: readonly number[];
  readonly labels: readonly number[];
}
interface TrlVectors {
  readonly template: string;
  readonly sft: Readonly<
    Record<'messages' | 'completion' | 'conversationalCompletion' | 'text', readonly Prepared[]>
  >;
  readonly dpo: readonly {
    readonly row: Row;
    readonly promptIds: readonly number[];
    readonly chosenIds: readonly number[];
    readonly rejectedIds: readonly number[];
  }[];
  readonly packed: {
    readonly rowLength: number;
    readonly documents: readonly (readonly number[])[];
    readonly rows: readonly {
      readonly inputIds: readonly number[];
      readonly labels: readonly number[];
      readonly lengths: readonly number[];
    }[];
  };
  readonly paddingFree: {
    readonly input_ids: readonly number[];
    readonly labels: readonly number[];
    readonly position_ids: readonly number[];
  };
}

const trl = JSON.parse(
  readFileSync(new URL('../golden/chat/trl.json', import.meta.url), 'utf8'),
) as TrlVectors;
const tokenizer = await loadTokenizer(goldenFolder('qwen-like'));
/** TRL's template of completions and pairs marks nothing that it reads there. */
const unmarked = trl.template.replaceAll(/\{% (end)?generation %\}/g, '');
const context = {} as never;

async function prepared(row: Row, template: string) {
  const { inputIds, labels } = await (await chatDataset([row], { tokenizer, template })).get(0, context);
  return { inputIds: [...inputIds], labels: [...labels] };
}

describe('preparation for fine-tuning, beside TRL', () => {
  it.each([
    ['messages', trl.template],
    ['text', trl.template],
    ['conversationalCompletion', unmarked],
  ] as const)('gives the ids and labels of %s', async (kind, template) => {
    for (const { row, inputIds, labels } of trl.sft[kind])
      expect(await prepared(row, template)).toEqual({ inputIds, labels });
  });

  it('gives the ids of completions, and the labels where the prompt ends between tokens', async () => {
    let differing = 0;
    for (const { row, inputIds, labels } of trl.sft.completion) {
      const own = await prepared(row, trl.template);
      expect(own.inputIds).toEqual(inputIds);
      const promptTokens = tokenizer.encode(row.prompt as string);
      const endsBetween = promptTokens.every((id, k) => id === inputIds[k]);
      if (endsBetween) expect(own.labels).toEqual(labels);
      else {
        // A token that the prompt and the completion share: TRL counts tokens of the prompt alone, Millrace looks at characters.
        differing += 1;
        const first = own.labels.findIndex((label) => label !== -100);
        expect(tokenizer.decode(inputIds.slice(0, first + 1)).length).toBeGreaterThan(
          (row.prompt as string).length,
        );
        expect(tokenizer.decode(inputIds.slice(0, first)).length).toBeLessThanOrEqual(
          (row.prompt as string).length,
        );
      }
    }
    expect(differing).toBeGreaterThan(0);
    expect(differing).toBeLessThan(trl.sft.completion.length + 1);
  });

  it('gives the prompt and both answers of pairs', async () => {
    for (const { row, promptIds, chosenIds, rejectedIds } of trl.dpo) {
      const pairs = await preferenceDataset([row], { tokenizer, template: unmarked });
      const { chosen, rejected } = await pairs.get(0, context);
      expect([...chosen.inputIds]).toEqual([...promptIds, ...chosenIds]);
      expect([...rejected.inputIds]).toEqual([...promptIds, ...rejectedIds]);
      const ignored = promptIds.map(() => -100);
      expect([...chosen.labels]).toEqual([...ignored, ...chosenIds]);
      expect([...rejected.labels]).toEqual([...ignored, ...rejectedIds]);
      const prompts = await promptDataset([row], { tokenizer, template: unmarked });
      expect([...(await prompts.get(0, context)).inputIds]).toEqual(promptIds);
    }
  });

  it('packs the same documents into as many rows, which are as full', async () => {
    const { rowLength, documents, rows } = trl.packed;
    const lengths = documents.map(({ length }) => length);
    const source = new ArrayDataset(documents.map((ids) => Int32Array.from(ids)));
    const packed = new PackedDataset(source, { rowLength, lengths, shuffle: false });
    const fill = (row: readonly number[]) => row.reduce((sum, length) => sum + length, 0);
    const own = Array.from({ length: packed.length }, (_, row) =>
      fill(packed.piecesOf(row).map(({ length }) => length)),
    );
    // Of rows with equal room, TRL fills the oldest, Millrace the newest.
    expect(own.sort()).toEqual(rows.map((row) => fill(row.lengths)).sort());
  });

  it('concatenates a batch without padding: ids, positions and labels', () => {
    const samples = trl.sft.messages.slice(0, 3).map(({ inputIds, labels }) => ({
      inputIds: Int32Array.from(inputIds),
      labels: Int32Array.from(labels),
    }));
    const { inputIds, labels, positionIds } = packCollate({ shift: false })(samples);
    expect([...inputIds.data]).toEqual(trl.paddingFree.input_ids);
    expect([...positionIds.data]).toEqual(trl.paddingFree.position_ids);
    expect([...labels.data]).toEqual(trl.paddingFree.labels);
  });
});
