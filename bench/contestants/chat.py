# python3 chat.py <encode|batches|pack> <conversations> <tokenizer folder>
import json
import os
import random
import sys
import time

from report import cpu_seconds, report

what, file, folder = sys.argv[1:]
TEMPLATE = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
os.environ["RAYON_NUM_THREADS"] = "1"
rows = [json.loads(line) for line in open(file, encoding="utf8")]
answers = [row["messages"][1]["content"] for row in rows]
path = os.path.join(folder, "tokenizer.json")

if what == "pack":
    # Text alone: a torchvision that was built for another torch would stop the import of TRL.
    sys.modules["torchvision"] = None
    import datasets.fingerprint
    from datasets import Dataset
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    # Nothing is cached, so nothing needs a hash.
    datasets.fingerprint.Hasher.hash = classmethod(lambda cls, value: "%032x" % random.getrandbits(128))
    datasets.disable_caching()
    datasets.disable_progress_bars()
    config = json.load(open(os.path.join(folder, "tokenizer_config.json")))
    special = {k: (v["content"] if isinstance(v, dict) else v) for k, v in config.items() if k in ("bos_token", "eos_token", "pad_token")}
    tok = PreTrainedTokenizerFast(tokenizer_file=path, chat_template=TEMPLATE, **special)
    data = Dataset.from_list(rows)
    args = SFTConfig(output_dir="/tmp/trl", max_length=2048, packing=True, assistant_only_loss=True, report_to=[], use_cpu=True, bf16=False)
    trainer = SFTTrainer.__new__(SFTTrainer)
    trainer.__dict__.update(dict(_tokenizer=tok, _is_vlm=False, chat_template=None, completion_only_loss=False, assistant_only_loss=True, args=args))


def pack():
    packed = SFTTrainer._prepare_dataset(trainer, data, tok, args, True, None, "train")
    collate = DataCollatorForLanguageModeling(pad_token_id=tok.pad_token_id, padding_free=True)
    loader = DataLoader(packed, batch_size=8, shuffle=True, collate_fn=collate)
    return sum(batch["input_ids"].numel() for batch in loader)


if what != "pack":
    from tokenizers import Tokenizer

    fast = Tokenizer.from_file(path)


def encode():
    return sum(len(fast.encode(text).ids) for text in answers)


def batches():
    return sum(len(e.ids) for k in range(0, len(answers), 100) for e in fast.encode_batch(answers[k : k + 100]))


started, before = time.perf_counter(), cpu_seconds()
tokens = {"encode": encode, "batches": batches, "pack": pack}[what]()
report(tokens, time.perf_counter() - started, cpu_seconds() - before)
