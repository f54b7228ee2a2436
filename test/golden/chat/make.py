"""Trains the small tokenizers of this folder and records what transformers and tokenizers give for texts and conversations.

    python3 make.py <folder of Markdown files to train on>

Needs transformers and tokenizers; the tests need neither. A tokenizer is a folder with tokenizer.json and
tokenizer_config.json; vectors.json beside them holds `texts`, `conversations` and `marked`.
"""
import glob, json, os, random, sys
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

here = os.path.dirname(os.path.abspath(__file__))
corpus = [open(path, encoding='utf8').read() for path in sorted(glob.glob(os.path.join(sys.argv[1], '**', '*.md'), recursive=True))]
corpus += ['日本語のテキスト、漢字とかな。中文没有空格的句子。', 'Привет, мир! über straße naïve café', '👩‍👩‍👧‍👦 🇯🇵 👍🏽']
split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.content or '') + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
# Rewrites history: thoughts are kept in the last turn only, and `strip` takes an argument.
THINKING = ("{%- for m in messages %}\n    {%- set content = m.content %}\n    {%- if m.role == 'assistant' and not loop.last and '</think>' in content %}\n"
            "        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n    {{- '<|im_start|>' + m.role + '\\n' + content.strip('\\n') + '<|im_end|>\\n' }}\n{%- endfor %}\n"
            "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n")
LLAMA = "{% for m in messages %}{% set c = '<|start|>' + m['role'] + '<|end|>\n\n' + m['content'] | trim + '<|eot|>' %}{% if loop.index0 == 0 %}{% set c = bos_token + c %}{% endif %}{{ c }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}"

def byte_level(digits, normalizer):
    tok = Tokenizer(models.BPE())
    if normalizer: tok.normalizer = normalizer
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split % digits), 'isolated'), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    return tok

def train(tok, special, size=700, alphabet=None):
    tok.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, initial_alphabet=alphabet or []))
    return tok

def qwen_like():
    tok = train(byte_level('', normalizers.NFC()), [], alphabet=pre_tokenizers.ByteLevel.alphabet())
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.add_special_tokens(['<|endoftext|>', '<|im_start|>', '<|im_end|>'])
    tok.add_tokens([AddedToken('<think>', normalized=False), AddedToken('</think>', normalized=False), AddedToken('<tool>', lstrip=True, rstrip=True, normalized=True)])
    return tok, dict(eos_token='<|im_end|>', pad_token='<|endoftext|>', chat_template=THINKING)

def llama_like():
    tok = train(byte_level('{1,3}', None), [], alphabet=pre_tokenizers.ByteLevel.alphabet())
    tok.add_special_tokens(['<|begin|>', '<|eot|>', '<|start|>', '<|end|>'])
    tok.post_processor = processors.TemplateProcessing(single='<|begin|> $A', special_tokens=[('<|begin|>', tok.token_to_id('<|begin|>'))])
    data = json.loads(tok.to_str()); data['model']['ignore_merges'] = True
    return Tokenizer.from_str(json.dumps(data)), dict(bos_token='<|begin|>', eos_token='<|eot|>', chat_template=LLAMA)

def sentencepiece_like():
    tok = Tokenizer(models.BPE(unk_token='<unk>', byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Replace(' ', '▁')
    train(tok, ['<unk>', '<s>', '</s>'] + [f'<0x{b:02X}>' for b in range(256)], size=900)
    tok.decoder = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse()])
    return tok, dict(bos_token='<s>', eos_token='</s>', chat_template=CHATML)

TEXTS = ['', ' ', '  ', '\n', '\n\n', '\t', ' a', 'a ', 'a  b', 'Hello, world!', "I'm don't we'll THEY'RE it'ſ", '12345 1,234.56 0x1F', 'naïve café résumé', 'e\u0301 vs \u00e9', '\u1112\u1161\u11ab\u1100\u1173\u11af', '日本語のテキスト、漢字とかな。',
  'مرحبا بالعالم', 'Привет, мир', '👩‍👩‍👧‍👦 family 🇯🇵 flag 👍🏽', '\u200b zero\u200dwidth\ufeff', 'a\u00a0b\u2003c\u0085d', 'tab\tsep\r\nCRLF\rCR', 'x' * 300, 'ab' * 200, ' ' * 70 + 'x', '\n' * 9 + 'x',
  '<|im_end|>', 'a<|im_start|>b', 'a  <tool>  b', '<think>\nhmm\n</think>\n\nok', '\U0010ffff', '\x00\x01\x7f', 'ﬁ ½ ² ™', 'ÅÅ', '١٢٣ ४५६', '...!!!???', '🤖' * 30]
WORDS = 'the river turns a wheel grinding corn while miller counts sacks 7 42 1999 — über straße 水車 мельница and, or; (not) "quoted" don\'t \n \t'.split(' ')
rng = random.Random(20261130)
sentence = lambda n: ' '.join(rng.choice(WORDS) for _ in range(n))
TEXTS += [sentence(rng.randint(1, 60)) for _ in range(40)]
u, a, s = (lambda c: {'role': 'user', 'content': c}), (lambda c: {'role': 'assistant', 'content': c}), (lambda c: {'role': 'system', 'content': c})
CONVERSATIONS = [[u('Hi')], [u('Hi'), a('Hello!')], [s('Be brief.'), u('Hi'), a('Hello!')], [u('a'), a('b'), u('c'), a('d')], [u(' leading'), a(' leading too')], [u('line\nbreaks\n'), a('\n\nanswer\n')],
  [u('x<|im_end|>y'), a('z<|im_end|>w')], [u('q'), a('<think>\nlet me see\n</think>\n\n42'), u('q2'), a('<think>\nt\n</think>\n\ntwo')], [u(''), a('')], [u('日本語'), a('はい。👍🏽')]]
for _ in range(12):
    CONVERSATIONS.append([m for _ in range(rng.randint(1, 4)) for m in (u(sentence(rng.randint(1, 25))), a(sentence(rng.randint(1, 40))))])
MARKED = {
  'chatml': "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}",
  'lines': "{% for m in messages %}\n{{- m.role }}:\n    {% if m.role == 'assistant' %}\n        {%- generation %}\n {{ m.content | trim }}\n        {% endgeneration %}\n    {% else %}\n{{ m.content | trim }}\n    {% endif %}\n{% endfor %}",
}

def render(tok, messages, **kw):
    text = tok.apply_chat_template(messages, tokenize=False, **kw)
    return {'text': text, 'ids': tok(text, add_special_tokens=False)['input_ids']}

for name, (fast, config) in {'qwen-like': qwen_like(), 'llama-like': llama_like(), 'sentencepiece-like': sentencepiece_like()}.items():
    folder = os.path.join(here, name); os.makedirs(folder, exist_ok=True)
    json.dump(json.loads(fast.to_str()), open(os.path.join(folder, 'tokenizer.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
    json.dump(config, open(os.path.join(folder, 'tokenizer_config.json'), 'w'), indent=1)
    tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(folder, 'tokenizer.json'), **config)
    out = {'templates': MARKED, 'texts': [], 'conversations': [], 'marked': []}
    for text in TEXTS:
        plain = fast.encode(text, add_special_tokens=False)
        out['texts'].append({'text': text, 'ids': plain.ids, 'idsWithSpecial': fast.encode(text).ids, 'decoded': fast.decode(plain.ids, skip_special_tokens=False), 'decodedWithoutSpecial': fast.decode(plain.ids, skip_special_tokens=True)})
    for messages in CONVERSATIONS:
        for prompt in (False, True):
            out['conversations'].append({'messages': messages, 'addGenerationPrompt': prompt, **render(tok, messages, add_generation_prompt=prompt)})
    if name != 'sentencepiece-like':
        for label, template in MARKED.items():
            for messages in CONVERSATIONS:
                r = tok.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
                out['marked'].append({'template': label, 'messages': messages, 'ids': r['input_ids'], 'assistantMask': r['assistant_masks']})
    json.dump(out, open(os.path.join(folder, 'vectors.json'), 'w'), ensure_ascii=True, separators=(',', ':'))
    print(name, len(out['texts']), len(out['conversations']), len(out['marked']))
