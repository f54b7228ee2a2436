// node chat.js <encode|library|pack> <conversations> <tokenizer folder>
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { DataLoader } from 'millrace';
import { JsonlDataset } from 'millrace/formats';
import { chatDataset, documentLengths, loadTokenizer, PackedDataset } from 'millrace/tokens';
import { print } from './report.js';

const [what, file, folder] = process.argv.slice(2);
const template =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}";
const answers = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line).messages[1].content);
const tokenizer = await loadTokenizer(folder);

const work = {
  encode: () => answers.reduce((sum, text) => sum + tokenizer.encode(text).length, 0),
  library() {
    const json = (name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
    const library = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
    return answers.reduce((sum, text) => sum + library.encode(text).ids.length, 0);
  },
  async pack() {
    const chats = await chatDataset(await JsonlDataset.open(file), {
      tokenizer,
      template,
      maxLength: 2_048,
      truncate: 'right',
    });
    const lengths = await documentLengths(chats);
    const packed = new PackedDataset(chats, { rowLength: 2_048, lengths, shift: false });
    let tokens = 0;
    for await (const { documentIds } of new DataLoader(packed, { batchSize: 8, shuffle: true }))
      for (const id of documentIds.data) if (id >= 0) tokens += 1;
    return tokens;
  },
};

const started = performance.now();
const before = process.cpuUsage();
const tokens = await work[what]();
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
print(tokens, seconds, (user + system) / 1e6);
