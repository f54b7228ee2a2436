"""Trains the small tokenizer of this example on the documentation of the repository: python3 make_tokenizer.py. Needs tokenizers."""
import glob, json, os
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))
corpus = [open(path, encoding='utf8').read() for path in sorted(glob.glob(os.path.join(here, '../../docs/*.md')))]
tok = Tokenizer(models.BPE())
words = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(words, 'isolated'), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
tok.decoder = decoders.ByteLevel()
tok.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=509, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
tok.add_special_tokens(['<|pad|>', '<|start|>', '<|end|>'])
template = "{% for m in messages %}{{ '<|start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|end|>' }}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}"
folder = os.path.join(here, 'tokenizer')
json.dump(json.loads(tok.to_str()), open(os.path.join(folder, 'tokenizer.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
json.dump({'eos_token': '<|end|>', 'pad_token': '<|pad|>', 'chat_template': template}, open(os.path.join(folder, 'tokenizer_config.json'), 'w'), indent=1)
print(tok.get_vocab_size())
