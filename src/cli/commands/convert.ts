import { Command, Option } from 'commander';
import { IndexedDatasetBuilder } from '../../formats/index.js';
import { findSources, readDocuments } from '../convert/documents.js';
import { createTokenEncoder, type EncodingName, encodings } from '../convert/token-encoder.js';
import { formatDuration } from '../terminal/duration.js';
import { createProgress } from '../terminal/progress.js';
import { formatBytes, formatCount } from '../terminal/quantity.js';

interface ConvertFlags {
  readonly output: string;
  readonly tokenizer: EncodingName;
  readonly field: string;
  readonly json?: boolean;
}

/** `millrace convert`: text → indexed tokens. */
export function convertCommand(): Command {
  return new Command('convert')
    .summary('turn text into an indexed token dataset (.bin/.idx)')
    .description(
      'Tokenises text and writes an indexed dataset that DeepSpeed and Megatron read, too. Each line of a .jsonl file\n' +
        'is a document; any other file is one as a whole; folders are searched.',
    )
    .argument('<input...>', 'files and folders')
    .requiredOption('--output <prefix>', 'writes <prefix>.bin and <prefix>.idx')
    .addOption(
      new Option('--tokenizer <name>', 'how text becomes tokens').choices(encodings).default('cl100k_base'),
    )
    .option('--field <name>', 'field of a JSON line that holds the text', 'text')
    .option('--json', 'print the result as JSON')
    .action(convert);
}

async function convert(
  inputs: string[],
  { output, tokenizer, field, json = false }: ConvertFlags,
): Promise<void> {
  const started = performance.now();
  const { files, byteLength } = await findSources(inputs);
  const encoder = await createTokenEncoder(tokenizer);
  const stage = createProgress({ stream: process.stderr, json }).stage('Converting', byteLength);
  const builder = new IndexedDatasetBuilder(output, { dtype: encoder.dtype });
  let documents = 0;
  let tokens = 0;
  try {
    for await (const { text, bytesRead } of readDocuments(files, field)) {
      const ids = encoder.encode(text);
      builder.addItem(Array.from(ids));
      documents += 1;
      tokens += ids.length;
      stage.update(bytesRead, `${formatCount(tokens)} tokens`);
    }
    builder.endDocument();
    builder.finalize();
  } catch (error) {
    builder.discard();
    throw error;
  } finally {
    stage.finish(`${formatCount(documents)} documents, ${formatCount(tokens)} tokens`);
  }
  const elapsedMs = performance.now() - started;
  const result = {
    output,
    files: files.length,
    byteLength,
    documents,
    tokens,
    dtype: encoder.dtype,
    elapsedMs,
  };
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `Wrote ${output}.bin and ${output}.idx: ${formatCount(documents)} documents, ${formatCount(tokens)} tokens ` +
          `(${encoder.dtype}) from ${formatBytes(byteLength)} in ${formatDuration(elapsedMs)}.\n`,
  );
}
