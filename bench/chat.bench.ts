// Text to tokens by a tokenizer.json, and conversations to packed fine-tuning batches, beside Hugging Face and TRL.
import { chatFile, tokenizerFolder } from './chat-files.js';
import {
  atLeast,
  compare,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title = 'Conversations: tokens, and packed batches';
export const unit = 'tokens/s';

export default function run(): Report {
  const files = [chatFile(), tokenizerFolder()] as const;
  const peer = pythonCommand('chat.py', 'encode', ...files);
  if (!peer) console.error(peerAdvice, 'Also: peers/bin/pip install trl transformers datasets tokenizers');
  const results = compare(
    [
      { name: 'encode: Millrace', command: nodeCommand('chat.js', 'encode', ...files) },
      { name: 'encode: @huggingface/tokenizers', command: nodeCommand('chat.js', 'library', ...files) },
      ...(peer
        ? [
            { name: 'encode: tokenizers, Python', command: peer },
            {
              name: 'encode: tokenizers, Python, batches',
              command: pythonCommand('chat.py', 'batches', ...files)!,
            },
          ]
        : []),
      { name: 'J4: Millrace', command: nodeCommand('chat.js', 'pack', ...files) },
      ...(peer ? [{ name: 'J4: TRL', command: pythonCommand('chat.py', 'pack', ...files)! }] : []),
    ],
    'rate',
    3,
  );
  const ratio = (a: string, b: string) =>
    resultOf(results, a).perCpuSecond / resultOf(results, b).perCpuSecond;
  const goals = peer
    ? [
        atLeast(
          'encode, of tokenizers a CPU second',
          ratio('encode: Millrace', 'encode: tokenizers, Python'),
          3,
        ),
        atLeast('J4, of TRL a CPU second', ratio('J4: Millrace', 'J4: TRL'), 4),
        atLeast(
          'J4, of TRL',
          resultOf(results, 'J4: Millrace').value / resultOf(results, 'J4: TRL').value,
          4,
        ),
      ]
    : [];
  return { results, goals };
}
