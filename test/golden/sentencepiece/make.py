"""Trains the small SentencePiece models of this folder and records what SentencePiece and transformers give for texts.

    python3 make.py <folder of Markdown files to train on>

Needs sentencepiece, transformers and protobuf; the tests need none of them. vectors.json holds, for each model, `texts`: text, ids and decoded
text by SentencePiece; and for llama-like `special`: texts with special tokens, with their ids by transformers.
"""
import glob, json, os, random, sys
import sentencepiece as spm
from transformers import AutoTokenizer

documents = os.path.abspath(sys.argv[1])
# Models record the paths of what they were trained on: names in this folder, not paths of one machine.
os.chdir(os.path.dirname(os.path.abspath(__file__)))
here = ''
corpus = os.path.join(here, 'corpus.txt')
rules = os.path.join(here, 'rules.tsv')
paths = sorted(glob.glob(os.path.join(documents, '**', '*.md'), recursive=True))
lines = [line.strip() for path in paths for line in open(path, encoding='utf8') if line.strip()]
open(corpus, 'w', encoding='utf8').write('\n'.join(lines))
# Of each rule, the characters on the left become those on the right.
open(rules, 'w', encoding='utf8').write('FB01\t66 69\nBD\t31 2044 32\n41\t61\n')

def train(name, **options):
    options |= dict(input=corpus, model_prefix=os.path.join(here, name), minloglevel=2, hard_vocab_limit=False)
    spm.SentencePieceTrainer.train(**options)
    os.remove(os.path.join(here, f'{name}.vocab'))

train('llama-like/tokenizer', model_type='bpe', vocab_size=700, byte_fallback=True, normalization_rule_name='identity', split_digits=True,
      remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, user_defined_symbols=['<tool>'], control_symbols=['<turn>'])
train('unigram', model_type='unigram', vocab_size=400, normalization_rule_tsv=rules, pad_id=0, unk_id=1, bos_id=2, eos_id=3)
for path in (corpus, rules): os.remove(path)

chat = "{{ bos_token }}{% for m in messages %}{{ m.role + ': ' + m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
config = dict(tokenizer_class='LlamaTokenizer', bos_token='<s>', eos_token='</s>', unk_token='<unk>', add_bos_token=True, add_eos_token=False, chat_template=chat)
json.dump(config, open(os.path.join(here, 'llama-like', 'tokenizer_config.json'), 'w'), indent=1)

rng = random.Random(20261130)
pieces = list('abc  \t\n\r\u3000\u00a0é①ﬁ½A가각🙂\u200b\ufeff\u0000\x01\ufffdßİ▁😀\u0301') + ['<tool>', 'the ', '123', '  ']
TEXTS = ['', ' ', '  a  b ', '\n', 'Hello, world!', '▁', 'naïve ﬁne ½', '日本語のテキスト', '👩‍👩‍👧‍👦', 'x' * 200]
TEXTS += [line for line in rng.sample(lines, 40) if '<s>' not in line and len(line) < 200]
TEXTS += [''.join(rng.choice(pieces) for _ in range(rng.randint(1, 25))) for _ in range(120)]
SPECIAL = ['hello</s>world', '<s>hello</s> world', 'a <turn> b', 'hello<unk> x', 'one</s> <s> two', 'Hello, world!']

def is_tie(model, text):
    """Whether two ways to cut the text score the same but for rounding: versions of SentencePiece then choose differently."""
    best = model.nbest_encode(text, nbest_size=2, return_type='proto').nbests
    return len(best) > 1 and abs(best[0].score - best[1].score) < 1e-3

models = {'llama-like': 'llama-like/tokenizer.model', 'unigram': 'unigram.model'}
out = {}
for name, file in models.items():
    model = spm.SentencePieceProcessor(model_file=os.path.join(here, file))
    # Byte by byte, so that ids come which no text has.
    ids = [[rng.randrange(model.vocab_size()) for _ in range(rng.randint(1, 12))] for _ in range(120)]
    ids = [[id for id in row if not model.is_control(id)] for row in ids]
    texts = [t for t in TEXTS if name != 'unigram' or not is_tie(model, t)]
    out[name] = {'texts': [{'text': t, 'ids': model.encode(t), 'decoded': model.decode(model.encode(t))} for t in texts],
                 'decoded': [{'ids': row, 'text': model.decode(row)} for row in ids]}
hf = AutoTokenizer.from_pretrained(os.path.join('.', 'llama-like'))
out['llama-like']['special'] = [{'text': t, 'ids': hf.encode(t)} for t in SPECIAL]
json.dump(out, open(os.path.join(here, 'vectors.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
