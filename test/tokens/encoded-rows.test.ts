// Counting tokens keeps what encoding yields, so that a sample is encoded once.
import fc from 'fast-check';
import { ArrayDataset, DataLoader, type Dataset, MapDataset, type SampleContext } from 'millrace';
import {
  type ChatDataset,
  chatDataset,
  documentLengths,
  loadTokenizer,
  PackedDataset,
  preferenceDataset,
  promptDataset,
} from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-tokenizer.js';

const tokenizer = await loadTokenizer(goldenFolder('qwen-like'));
const template =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const context = { epoch: 0 } as never;
type Row = Readonly<Record<string, unknown>>;

/** Rows that count how often each is read. */
class CountedRows implements Dataset<Row> {
  readonly reads: number[];
  readonly #rows: readonly Row[];

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
    this.reads = rows.map(() => 0);
  }

  get length(): number {
    return this.#rows.length;
  }

  get(index: number): Row {
    this.reads[index]! += 1;
    return this.#rows[index]!;
  }
}

const text = fc
  .array(fc.constantFrom('mill', ' ', '水', 'river', '🙂', '\n'), { maxLength: 12 })
  .map((parts) => parts.join(''));
const rowsOf = {
  chat: fc.record({ question: text, answer: text }).map(({ question, answer }) => ({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  })),
  preference: fc.record({ prompt: text, chosen: text, rejected: text }),
  prompt: fc.record({ prompt: text.map((content) => [{ role: 'user', content }]) }),
};

type Options = { readonly maxLength?: number; readonly truncate?: 'left' | 'drop' };

const kinds = {
  chat: (rows: Dataset<Row>, options: Options) =>
    chatDataset(rows, { tokenizer, template, lossWeights: 'document', ...options }),
  preference: (rows: Dataset<Row>, options: Options) => preferenceDataset(rows, { tokenizer, ...options }),
  prompt: (rows: Dataset<Row>, options: Options) => promptDataset(rows, { tokenizer, template, ...options }),
};

/** All samples of a dataset, after its tokens were counted; the message of the error if it has none. */
async function countedSamples(kind: keyof typeof kinds, rows: Dataset<Row>, options: Options) {
  try {
    const dataset: ChatDataset<unknown> = await kinds[kind](rows, options);
    await dataset.count();
    return await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k, context)));
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a dataset of conversations whose tokens were counted', () => {
  it.each(['chat', 'preference', 'prompt'] as const)(
    'gives %s samples as encoding them again does',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array<Row>(rowsOf[kind], { minLength: 1, maxLength: 5 }),
          fc.constantFrom<Options>(
            {},
            { maxLength: 14, truncate: 'drop' },
            { maxLength: 14, truncate: 'left' },
          ),
          async (rows, options) => {
            const again = new MapDataset(new ArrayDataset(rows), readingEpoch);
            expect(await countedSamples(kind, new ArrayDataset(rows), options)).toEqual(
              await countedSamples(kind, again, options),
            );
          },
        ),
        { numRuns: 25 },
      );
    },
  );

  it('reads and encodes each row once, also when it is packed', async () => {
    const rows = new CountedRows(fc.sample(rowsOf.chat, { numRuns: 6, seed: 1 }));
    const chats = await chatDataset(rows, { tokenizer, template });
    const packed = new PackedDataset(chats, {
      rowLength: 16,
      lengths: await documentLengths(chats),
      shift: false,
    });
    for await (const _ of new DataLoader(packed, { batchSize: 2 }));
    // Opening looks at the columns of the first row.
    expect(rows.reads).toEqual([rows.reads[0], 1, 1, 1, 1, 1]);
  });

  it('makes samples anew whose rows depend on the epoch', async () => {
    const rows = fc.sample(rowsOf.chat, { numRuns: 2, seed: 1 });
    const varied = new MapDataset(new ArrayDataset<Row>(rows), (_, { epoch }: SampleContext) => ({
      text: `epoch ${epoch}`,
    }));
    const dataset = await chatDataset(varied, { tokenizer });
    await dataset.count();
    const later = await dataset.get(0, { epoch: 7 } as never);
    expect(tokenizer.decode(later.inputIds)).toContain('epoch 7');
  });

  it('keeps the images of a row with its sample', async () => {
    const rows = [
      {
        image: 'mill.png',
        messages: [
          { role: 'user', content: 'what' },
          { role: 'assistant', content: 'a mill' },
        ],
      },
    ];
    const dataset = await chatDataset(rows, {
      tokenizer,
      template: '{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}',
    });
    await dataset.count();
    expect((await dataset.get(0, context)).images).toEqual(['mill.png']);
  });

  it('gives the same batches from workers', async () => {
    const rows = new ArrayDataset<Row>(fc.sample(rowsOf.chat, { numRuns: 6, seed: 2 }));
    const chats = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), template });
    const packed = new PackedDataset(chats, {
      rowLength: 16,
      lengths: await documentLengths(chats),
      shift: false,
    });
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(packed, { batchSize: 2, numWorkers });
      const made: unknown[] = [];
      for await (const batch of loader) made.push(batch);
      return made;
    };
    expect(await batches(1)).toEqual(await batches(0));
  });
});

/** Returns the row, and reads the epoch, so that the dataset has to make the sample anew. */
function readingEpoch(row: Row, context: SampleContext): Row {
  return context.epoch >= 0 ? row : {};
}
