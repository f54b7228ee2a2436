"""Records what TRL's trainers prepare from conversations, completions, pairs and packed rows, with the tokenizers of this folder.

    python3 make_trl.py

Needs trl, transformers, datasets and torch; the tests need none of them. Calls the preparation steps of SFTTrainer and DPOTrainer
without a model. Writes trl.json.
"""
import json, os, random
import torch
import datasets.fingerprint
from datasets import Dataset
from transformers import PreTrainedTokenizerFast
import trl
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.data_utils import extract_prompt, pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

# Nothing is cached, so nothing needs a hash.
datasets.fingerprint.Hasher.hash = classmethod(lambda cls, value: '%032x' % random.getrandbits(128))
datasets.disable_caching()

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, 'qwen-like')
config = json.load(open(os.path.join(folder, 'tokenizer_config.json')))
CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
config['chat_template'] = CHATML
tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(folder, 'tokenizer.json'), **config)
rng = random.Random(20261130)
WORDS = 'the river turns a wheel grinding corn while miller counts sacks 7 42 1999 — über straße 水車 and, or; (not) "quoted"'.split(' ')
sentence = lambda n: ' '.join(rng.choice(WORDS) for _ in range(n))
u, a = (lambda c: {'role': 'user', 'content': c}), (lambda c: {'role': 'assistant', 'content': c})
talk = lambda turns: [m for _ in range(turns) for m in (u(sentence(rng.randint(1, 12))), a(sentence(rng.randint(1, 20))))]

rows = {
    'messages': [{'messages': talk(rng.randint(1, 4))} for _ in range(12)],
    'completion': [{'prompt': sentence(rng.randint(1, 12)) + ' ', 'completion': sentence(rng.randint(1, 12))} for _ in range(12)],
    'conversationalCompletion': [{'prompt': talk(rng.randint(0, 2)) + [u(sentence(5))], 'completion': [a(sentence(rng.randint(1, 12)))]} for _ in range(12)],
    'text': [{'text': sentence(rng.randint(1, 30))} for _ in range(12)],
}
pairs = [{'chosen': (p := talk(rng.randint(0, 2)) + [u(sentence(4))]) + [a('yes ' + sentence(3))], 'rejected': p + [a('no ' + sentence(5))]} for _ in range(12)]


def prepare(trainer, args, data, **more):
    """The trainer's own preparation of a data set, without a trainer: it reads these attributes."""
    self = trainer.__new__(trainer)
    self.__dict__.update(dict(_tokenizer=tok, _is_vlm=False, chat_template=None, **more))
    self.args = args
    return trainer._prepare_dataset(self, Dataset.from_list(data), tok, args, *([args.packing, None] if trainer is SFTTrainer else []), 'train')


out = {'trl': trl.__version__, 'template': CHATML, 'sft': {}}
for name, data in rows.items():
    assistant = name == 'messages'
    args = SFTConfig(output_dir='/tmp/trl', max_length=None, assistant_only_loss=assistant, report_to=[], use_cpu=True, bf16=False)
    try:
        # The constructor sets the first from the columns.
        made = prepare(SFTTrainer, args, data, completion_only_loss='ompletion' in name, assistant_only_loss=assistant)
    except AttributeError as error:
        raise SystemExit(f'{name}: {error}')
    out['sft'][name] = [{'row': row, 'inputIds': m['input_ids'], 'labels': m['labels']} for row, m in zip(data, made)]

made = prepare(DPOTrainer, DPOConfig(output_dir='/tmp/trl', max_length=None, report_to=[], use_cpu=True, bf16=False), [extract_prompt(p) for p in pairs])
out['dpo'] = [{'row': p, 'promptIds': m['prompt_ids'], 'chosenIds': m['chosen_ids'], 'rejectedIds': m['rejected_ids']} for p, m in zip(pairs, made)]

lengths = [rng.randint(1, 40) for _ in range(60)]
documents = [[1000 * (d + 1) + k for k in range(n)] for d, n in enumerate(lengths)]
packed = pack_dataset(Dataset.from_dict({'input_ids': documents, 'labels': [[-100 if k % 3 else i for k, i in enumerate(d)] for d in documents]}), 64, 'bfd')
out['packed'] = {'rowLength': 64, 'documents': documents, 'rows': [{'inputIds': r['input_ids'], 'labels': r['labels'], 'lengths': r['seq_lengths']} for r in packed]}
batch = DataCollatorForLanguageModeling(pad_token_id=tok.pad_token_id, padding_free=True)([{'input_ids': m['inputIds'], 'labels': m['labels']} for m in out['sft']['messages'][:3]])
out['paddingFree'] = {k: v[0].tolist() for k, v in batch.items() if isinstance(v, torch.Tensor)}
json.dump(out, open(os.path.join(here, 'trl.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
print({k: len(v) for k, v in out['sft'].items()}, len(out['dpo']), len(out['packed']['rows']))
