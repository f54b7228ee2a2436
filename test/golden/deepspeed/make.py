"""Records what DeepSpeed and Megatron-DeepSpeed do, in the JSON files beside this script.

    DS_ACCELERATOR=cpu python make.py <DeepSpeed checkout> <Megatron-DeepSpeed checkout>

The followed commits are DeepSpeed edaa722 and Megatron-DeepSpeed 4efb479. It needs PyTorch, numpy and pydantic. Packages
that DeepSpeed imports but does not use here are replaced by empty modules. The functions of Megatron-DeepSpeed are taken out
of its files, since importing those needs a GPU.
"""
import ast
import json
import math
import os
import random
import sys
import tempfile
import threading
import types

os.environ["DS_ACCELERATOR"] = "cpu"
CHECKOUT, MEGATRON = sys.argv[1], sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, CHECKOUT)


class Empty(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: {}


for name in ["cpuinfo", "ninja", "msgpack", "einops"]:
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = Empty(name)
try:
    import hjson  # noqa: F401
except ImportError:
    stand_in = types.ModuleType("hjson")
    stand_in.load, stand_in.loads = json.load, json.loads
    sys.modules["hjson"] = stand_in

import torch  # noqa: E402
import deepspeed  # noqa: E402, F401
from deepspeed.runtime import config as ds_config  # noqa: E402
from deepspeed.runtime.data_pipeline import curriculum_scheduler  # noqa: E402
from deepspeed.runtime.data_pipeline.curriculum_scheduler import CurriculumScheduler  # noqa: E402
from deepspeed.runtime.data_pipeline.data_routing.scheduler import RandomLTDScheduler  # noqa: E402
from deepspeed.runtime.data_pipeline.data_sampling import variable_batch_size_and_lr as variable  # noqa: E402
from deepspeed.runtime.data_pipeline.data_sampling.indexed_dataset import MMapIndexedDatasetBuilder  # noqa: E402
from deepspeed.runtime.engine import DeepSpeedEngine  # noqa: E402
from deepspeed.runtime.pipe.engine import PipelineEngine  # noqa: E402
from deepspeed.runtime.sequence_parallel import ulysses_sp  # noqa: E402
from deepspeed.runtime.utils import compare_tensors_in_structures  # noqa: E402
from deepspeed.sequence.fpdt_layer import FPDT_InputConstruct  # noqa: E402

ds_config.logger.disabled = True
# A checkout that is not installed does not know its version, and elasticity asks for one.
ds_config.__version__ = "0.19.6"


def save(name, cases):
    with open(os.path.join(HERE, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
    print(name, len(cases), os.path.getsize(os.path.join(HERE, name)))


def ranges(numbers):
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


# -- Elasticity: the three sizes for world sizes 1 to 1,024 ------------------------------------------------------------


class SizesOnly(ds_config.DeepSpeedConfig):
    """The configuration without the sections that are about other things than batch sizes."""

    def _initialize_params(self, param_dict):
        self.train_batch_size = ds_config.get_train_batch_size(param_dict)
        self.train_micro_batch_size_per_gpu = ds_config.get_train_micro_batch_size_per_gpu(param_dict)
        self.gradient_accumulation_steps = ds_config.get_gradient_accumulation_steps(param_dict)

    def _do_sanity_check(self):
        pass


WORLD = {"size": 1}
ds_config.dist.get_rank = lambda *args: 0
ds_config.dist.get_world_size = lambda *args: WORLD["size"]


def elastic_case(section, given):
    sizes, errors = {}, {}
    for world in range(1, 1025):
        WORLD["size"] = world
        try:
            config = SizesOnly({**json.loads(json.dumps(given)), "elasticity": dict(section)})
            sizes[world] = [config.train_batch_size, config.train_micro_batch_size_per_gpu, config.gradient_accumulation_steps]
        except Exception as error:
            errors.setdefault(type(error).__name__, []).append(world)
    WORLD["size"] = 1
    return {"section": section, "given": given, "sizes": sizes, "errors": {k: ranges(v) for k, v in errors.items()}}


def elasticity():
    draw = random.Random(20)
    base = {"enabled": True, "max_train_batch_size": 2000, "micro_batch_sizes": [2, 4, 6]}
    cases = [
        ({**base, "version": 0.1}, {}),
        ({**base, "version": 0.2}, {}),
        ({**base, "min_gpus": 3, "max_gpus": 40, "version": 0.1}, {}),
        ({**base, "num_gpus_per_node": 8, "version": 0.2}, {}),
        ({**base, "num_gpus_per_node": 8, "model_parallel_size": 2, "version": 0.2}, {}),
        ({**base, "num_gpus_per_node": 8, "model_parallel_size": 4, "version": 0.2, "prefer_larger_batch": False}, {}),
        ({**base, "prefer_larger_batch": False, "version": 0.1}, {}),
        ({**base, "max_train_batch_size": 10000, "micro_batch_sizes": [8, 12, 16, 17], "min_gpus": 32, "max_gpus": 1500, "version": 0.1}, {}),
        ({**base, "max_train_batch_size": 1024, "micro_batch_sizes": [1], "version": 0.1}, {}),
        ({**base, "max_train_batch_size": 720720, "micro_batch_sizes": [720, 840], "version": 0.1}, {}),
        (base, {"train_batch_size": 4}),
        ({**base, "ignore_non_elastic_batch_info": True}, {"train_batch_size": 4, "gradient_accumulation_steps": 7}),
        (base, {"train_micro_batch_size_per_gpu": None}),
        ({**base, "max_gpus": 2, "min_gpus": 3}, {}),
        ({**base, "version": 0.3}, {}),
        ({**base, "model_parallel_size": 2, "version": 0.1}, {}),
        ({**base, "model_parallel_size": 3, "num_gpus_per_node": 4, "version": 0.2}, {}),
        ({"enabled": True, "micro_batch_sizes": [2]}, {}),
        ({"enabled": True, "max_train_batch_size": 8}, {}),
        ({**base, "micro_batch_sizes": [4000], "version": 0.1}, {}),
        ({"enabled": False, "max_train_batch_size": 8}, {"train_micro_batch_size_per_gpu": 2}),
    ]
    while len(cases) < 40:
        per_node = draw.choice([1, 1, 2, 4, 8])
        section = {
            "enabled": True,
            "max_train_batch_size": draw.choice([64, 100, 500, 2000, 4096]),
            "micro_batch_sizes": draw.sample([1, 2, 3, 4, 6, 7, 8, 12, 16, 17, 32], draw.randint(1, 4)),
            "version": draw.choice([0.1, 0.2]),
        }
        if draw.random() < 0.3:
            section["min_gpus"] = draw.choice([1, 2, 8])
        if draw.random() < 0.3:
            section["max_gpus"] = draw.choice([16, 100, 1000])
        if draw.random() < 0.3:
            section["prefer_larger_batch"] = False
        if section["version"] == 0.2 and per_node > 1:
            section["num_gpus_per_node"] = per_node
            if draw.random() < 0.5:
                section["model_parallel_size"] = draw.choice([1, 2])
        cases.append((section, {}))
    return [elastic_case(*case) for case in cases]


# -- The configuration's keys ------------------------------------------------------------------------------------------


class Watched(dict):
    """A dictionary that notes which keys are asked for."""

    asked = set()

    def get(self, key, default=None):
        Watched.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key):
        Watched.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key):
        Watched.asked.add(key)
        return super().__contains__(key)

    def keys(self):
        return self


def config_keys():
    """The top-level keys that reading a configuration asks for."""
    ds_config.DeepSpeedConfig(Watched({"train_batch_size": 4}))
    return sorted(key for key in Watched.asked if isinstance(key, str))


# -- Curriculum by sequence length -------------------------------------------------------------------------------------


def function_of(file, name, scope):
    with open(os.path.join(MEGATRON, file)) as source:
        tree = ast.parse(source.read())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    exec(compile(ast.Module(body=found, type_ignores=[]), file, "exec"), scope)
    return scope[name]


def seqlen_schedules():
    cases = []
    warnings = []
    keep = curriculum_scheduler.logger
    curriculum_scheduler.logger = types.SimpleNamespace(warning=warnings.append)
    sections = []
    for low, high, total, step in [(64, 1024, 100, 8), (8, 100, 30, 8), (80, 2048, 57, 64), (10, 90, 20, 5), (16, 16, 10, 8), (1, 50, 12, 3)]:
        rising = {"total_curriculum_step": total, "difficulty_step": step}
        sections.append({"schedule_type": "fixed_linear", "min_difficulty": low, "max_difficulty": high, "schedule_config": rising})
        for degree in [1, 2, 3]:
            sections.append({"schedule_type": "fixed_root", "min_difficulty": low, "max_difficulty": high, "schedule_config": {**rising, "root_degree": degree}})
    discrete = {"schedule_type": "fixed_discrete", "min_difficulty": 8, "max_difficulty": 64}
    sections.append({**discrete, "schedule_config": {"difficulty": [8, 16, 64], "max_step": [5, 10]}})
    sections.append({**discrete, "schedule_config": {"difficulty": [8, 32, 16, 64], "max_step": [3, 6, 9]}})
    sections.append({**discrete, "schedule_config": {"difficulty": [8, 64, 16], "max_step": [3, 6]}})
    for section in sections:
        del warnings[:]
        given = {"enabled": True, "curriculum_type": "seqlen", **section}
        scheduler = CurriculumScheduler(ds_config.get_curriculum_params_legacy({"curriculum_learning": given}))
        lengths = [scheduler.update_difficulty(global_step + 1) for global_step in range(130)]
        # A run that starts anew from a checkpoint: the scheduler is not part of it.
        resumed = CurriculumScheduler(ds_config.get_curriculum_params_legacy({"curriculum_learning": given}))
        cases.append({"section": given, "lengths": lengths, "resumedAt7": resumed.update_difficulty(8), "warnings": len(warnings)})
    curriculum_scheduler.logger = keep
    return cases


def seqlen_batches():
    args = types.SimpleNamespace()
    scope = {"torch": torch, "math": math, "get_args": lambda: args}
    post_process = function_of("pretrain_gpt.py", "data_post_process", scope)
    masks = {"torch": torch}
    scope["get_ltor_masks_and_position_ids"] = function_of("megatron/utils.py", "get_ltor_masks_and_position_ids", masks)
    scope["get_tokenizer"] = lambda: types.SimpleNamespace(eod=0)
    scope["tensor_parallel"] = types.SimpleNamespace(broadcast_data=lambda keys, data, dtype: data)
    get_batch_pipe = function_of("pretrain_gpt.py", "get_batch_pipe", scope)
    draw = random.Random(7)
    cases = []
    for rows, length, seqlen in [(2, 16, 8), (3, 16, 8), (1, 16, 5), (4, 10, 3), (2, 24, 7), (5, 9, 4), (2, 16, 16), (2, 16, 20), (1, 8, 1), (3, 12, 11), (2, 1, 1), (6, 30, 13)]:
        text = [[draw.randrange(1, 100) for _ in range(length + 1)] for _ in range(rows)]
        args.seq_length = length
        args.data_efficiency_curriculum_learning = True
        found = {}
        for way in ["truncate", "reshape"]:
            data = {"text": torch.tensor(text)}
            found[way] = post_process(data, {"current_difficulties": {"seqlen_" + way: seqlen}})["text"].tolist()
        args.data_efficiency_curriculum_learning = False
        args.curriculum_learning_legacy, args.curriculum_seqlen = True, seqlen
        args.reset_position_ids = args.reset_attention_mask = args.eod_mask_loss = False
        (tokens, position_ids, _), (labels, loss_mask) = get_batch_pipe({"text": torch.tensor(text)})
        legacy = {"tokens": tokens.tolist(), "position_ids": position_ids.tolist(), "labels": labels.tolist(), "loss_mask": loss_mask.tolist()}
        cases.append({"text": text, "seqlen": seqlen, **found, "legacy": legacy})
    return cases


# -- Variable batch sizes in one call ----------------------------------------------------------------------------------


class Group:
    def __init__(self, rank, size):
        self._rank, self._size = rank, size

    def rank(self):
        return self._rank

    def size(self):
        return self._size


def engine_for(config, rank, world, optimizer, pipeline):
    sizes = config.train_batch_size, config.train_micro_batch_size_per_gpu
    kind = type("Engine", (PipelineEngine if pipeline else object,), {"__init__": lambda self: None})
    engine = kind()
    fields = {
        "_config": config,
        "world_size": world,
        "global_rank": rank,
        "device": torch.device("cpu"),
        "data_parallel_group": Group(rank, world),
        "lr_scheduler": None,
        "optimizer": optimizer,
        "train_batch_size": lambda: sizes[0],
        "train_micro_batch_size_per_gpu": lambda: sizes[1],
    }
    for name, value in fields.items():
        object.__setattr__(engine, name, value)
    return engine


def variable_batches():
    draw = random.Random(11)
    folder = os.path.join(HERE, "metrics")
    os.makedirs(os.path.join(folder, "seqlen"), exist_ok=True)
    stored = [draw.randrange(1, 30) for _ in range(60)]
    prefix = os.path.join(folder, "seqlen", "seqlen_sample_to_metric")
    builder = MMapIndexedDatasetBuilder(prefix + ".bin", dtype=__import__("numpy").int64)
    for length in stored:
        builder.add_item(torch.tensor([length], dtype=torch.int64))
        builder.end_document()
    builder.finalize(prefix + ".idx")
    cases = []
    settings = [
        (1, 4, 2, {"max_tokens": 60}, False, True),
        (2, 4, 1, {"max_tokens": 60, "lr_scaling_method": "sqrt"}, False, True),
        (2, 4, 2, {"max_tokens": 45, "sequence_picking_order": "random", "lr_scaling_method": "none"}, False, False),
        (3, 3, 1, {"max_tokens": 80, "sequence_picking_order": "seqlen", "min_batch_size": 2}, False, False),
        (2, 2, 1, {"max_tokens": 90, "max_batch_size": 3}, True, True),
        (1, 2, 1, {"max_tokens": 70, "sequence_picking_order": "seqlen"}, True, False),
    ]
    for world, train, micro, batching, pipeline, from_files in settings:
        lengths = stored if from_files else [draw.randrange(1, 30) for _ in range(60)]
        section = {
            "train_batch_size": train,
            "train_micro_batch_size_per_gpu": micro,
            "data_efficiency": {
                "enabled": True,
                "seed": 42,
                "data_sampling": {"enabled": True, "dynamic_batching": {"enabled": True, "metrics_path": folder, **batching}},
            },
        }
        WORLD["size"] = world
        ranks = []
        for rank in range(world):
            parameters = [torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))]
            optimizer = torch.optim.SGD([{"params": [parameters[0]], "lr": 0.1}, {"params": [parameters[1]], "lr": 0.02}])
            engine = engine_for(ds_config.DeepSpeedConfig(json.loads(json.dumps(section))), rank, world, optimizer, pipeline)
            dataset = [[i] * length for i, length in enumerate(lengths)]
            loader, scheduler, _ = variable.get_dataloader_and_lr_scheduler_for_variable_batch_size_deepspeed(
                dataset,
                engine,
                dataset_seqlens=None if from_files else lengths,
                sample_padding_fn=(lambda sample, length: sample + [-1] * (length - len(sample))) if pipeline else None,
            )
            batches, rates = [], []
            for batch in loader:
                batches.append([[sample[0], len(sample)] for sample in batch])
                rates.append([group["lr"] for group in optimizer.param_groups])
                optimizer.step()
                scheduler.step()
            ranks.append({"batches": batches, "rates": rates})
        WORLD["size"] = 1
        del section["data_efficiency"]["data_sampling"]["dynamic_batching"]["metrics_path"]
        cases.append({"world": world, "config": section, "pipeline": pipeline, "lengths": lengths, "fromFiles": from_files, "ranks": ranks})
    return cases


# -- The engine's loader rules -----------------------------------------------------------------------------------------


def engine_sizes():
    cases = []
    for world, micro, steps in [(1, 1, 1), (2, 4, 2), (4, 3, 5)]:
        for call, size in [("train", world * micro * 6), ("train", world * micro), ("train", world * micro * 2 + 1), ("micro", 7), ("micro", micro * 2)]:
            config = types.SimpleNamespace(train_batch_size=world * micro * steps, train_micro_batch_size_per_gpu=micro, gradient_accumulation_steps=steps)
            engine = types.SimpleNamespace(_config=config, dp_world_size=world, train_micro_batch_size_per_gpu=lambda c=config: c.train_micro_batch_size_per_gpu)
            case = {"world": world, "before": [config.train_batch_size, micro, steps], "call": call, "size": size}
            try:
                (DeepSpeedEngine.set_train_batch_size if call == "train" else DeepSpeedEngine.set_train_micro_batch_size)(engine, size)
                case["after"] = [config.train_batch_size, config.train_micro_batch_size_per_gpu, config.gradient_accumulation_steps]
            except ValueError as error:
                case["error"] = str(error)
            cases.append(case)
    return cases


class Stage(PipelineEngine):
    """The parts of a pipeline engine that concern its data."""

    def __init__(self, stage, stages, rank, world, micro):
        torch.nn.Module.__init__(self)
        self.stage_id, self.num_stages = stage, stages
        self.dp_world_size = world
        self.global_rank = rank
        self.local_rank = 0
        self.collate_fn = None
        self.tput_timer = None
        self.mpu = types.SimpleNamespace(get_data_parallel_rank=lambda: rank, get_data_parallel_world_size=lambda: world)
        self.data_iterator = None
        self.batch_fn = None
        self.training_dataloader = None
        self._config = types.SimpleNamespace(
            train_micro_batch_size_per_gpu=micro, dataloader_drop_last=False,
            data_efficiency_config={"data_sampling": {"curriculum_learning": {"enabled": False}}})

    def is_first_stage(self):
        return self.stage_id == 0

    def is_last_stage(self):
        return self.stage_id == self.num_stages - 1


def pipeline_batches():
    cases = []
    for stages, world, samples, micro in [(1, 1, 10, 3), (2, 2, 11, 2), (4, 3, 13, 2), (3, 2, 8, 4)]:
        for stage in range(stages):
            for rank in range(world):
                engine = Stage(stage, stages, rank, world, micro)
                PipelineEngine._build_data_iter(engine, list(range(samples)))
                shown = lambda batch: None if batch is None else batch.tolist()
                steps = 2 * math.ceil(math.ceil(samples / world) / micro) + 1
                batches = [shown(PipelineEngine._next_batch(engine)) for _ in range(steps)]
                PipelineEngine.set_batch_fn(engine, lambda batch: None if batch is None else batch * 10)
                mapped = shown(PipelineEngine._next_batch(engine))
                PipelineEngine.set_dataiterator(engine, iter([torch.tensor([5]), torch.tensor([6])]))
                own = [shown(PipelineEngine._next_batch(engine)) for _ in range(2)]
                cases.append({"stage": stage, "stages": stages, "rank": rank, "world": world, "samples": samples, "micro": micro,
                              "batches": batches, "mapped": mapped, "own": own, "keepsLoader": engine.training_dataloader is not None})
    return cases


def equal_inputs():
    t = torch.tensor
    pairs = [
        ([t([1, 2])], [t([1, 2])]),
        ([t([1, 2])], [t([1, 3])]),
        ([t([1, 2])], [t([1, 2, 3])]),
        ([t([1, 2])], [t([1.0, 2.0])]),
        ({"a": t([1]), "b": 2}, {"a": t([1]), "b": 2}),
        ({"a": t([1]), "b": 2}, {"b": 2, "a": t([1])}),
        ({"a": t([1])}, {"a": t([1]), "b": 2}),
        ({"a": "x"}, {"a": "y"}),
        ([1, "x"], [1, "x"]),
        ([1], [1, 2]),
        ([1], {"a": 1}),
        ([float("nan")], [float("nan")]),
        ([t([float("nan")])], [t([float("nan")])]),
    ]
    plain = lambda v: {"tensor": [str(x) for x in v.tolist()], "dtype": str(v.dtype).split(".")[1]} if torch.is_tensor(v) else (str(v) if v != v else v)
    shown = lambda value: [plain(v) for v in value] if isinstance(value, list) else {k: plain(v) for k, v in value.items()}
    return [{"a": shown(a), "b": shown(b), "equal": compare_tensors_in_structures(a, b)} for a, b in pairs]


# -- Sequence parallelism ----------------------------------------------------------------------------------------------


class Threads:
    """All-gather among threads, one for each rank."""

    def __init__(self, size):
        self.size, self.barrier, self.slots = size, threading.Barrier(size), [None] * size
        self.rank = threading.local()

    def exchange(self, value):
        self.slots[self.rank.value] = value
        self.barrier.wait()
        found = list(self.slots)
        self.barrier.wait()
        return found

    def all_gather(self, out, tensor, group=None):
        for target, value in zip(out, self.exchange(tensor)):
            target.copy_(value)

    def all_gather_object(self, out, value, group=None):
        out[:] = self.exchange(value)


def ulysses():
    draw = random.Random(5)
    cases = []
    settings = [(1, [[8]]), (2, [[8, 6], [8, 8], [12, 4]]), (3, [[6, 9, 3], [12, 12, 12]]), (4, [[8, 8, 8, 8]]), (2, [[8, 7]])]
    for size, passes in settings:
        threads = Threads(size)
        ulysses_sp.dist = threads
        inputs = [
            [
                {
                    "input_ids": [[draw.randrange(100) for _ in range(lengths[rank])] for _ in range(2)],
                    "position_ids": [list(range(lengths[rank])) for _ in range(2)],
                    "labels": [[draw.randrange(100) for _ in range(lengths[rank])] for _ in range(2)],
                    "note": f"{rank}/{n}",
                } for n, lengths in enumerate(passes)
            ] for rank in range(size)
        ]
        outputs = [None] * size

        def work(rank):
            threads.rank.value = rank
            tensors = [{k: torch.tensor(v) if isinstance(v, list) else v for k, v in batch.items()} for batch in inputs[rank]]
            adapter = ulysses_sp.UlyssesSPDataLoaderAdapter([dict(b) for b in tensors], rank, None, size, torch.device("cpu"))
            found = {"length": len(adapter), "batches": []}
            try:
                for batch in adapter:
                    found["batches"].append({k: v.tolist() if torch.is_tensor(v) else v for k, v in batch.items()})
            except ValueError as error:
                found["error"] = str(error)
            outputs[rank] = found

        running = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        cases.append({"size": size, "inputs": inputs, "outputs": outputs})
    return cases


def fpdt():
    cases = []
    for length, size, chunk in [(16, 1, 4), (16, 2, 4), (16, 2, 8), (16, 4, 8), (24, 2, 8), (32, 4, 8), (48, 4, 16), (16, 2, 16), (18, 4, 6), (16, 2, 6), (24, 4, 6), (40, 4, 10)]:
        tokens = torch.arange(2 * length).view(2, length)
        mask = torch.ones(2, length)
        mask[:, ::3] = 0
        args = types.SimpleNamespace(ds_sequence_parallel_fpdt_chunk_size=chunk)
        ranks = []
        error = None
        for rank in range(size):
            try:
                made = FPDT_InputConstruct(tokens, tokens + 1, mask, None, torch.arange(length).repeat(2, 1), args, size, rank).generate()
                ranks.append([None if part is None else part.tolist() for part in made])
            except AssertionError:
                error = "AssertionError"
        cases.append({"length": length, "size": size, "chunk": chunk, **({"error": error} if error else {"ranks": ranks})})
    return cases


# -- Setters of the schedulers -----------------------------------------------------------------------------------------


def setters():
    cases = []
    section = {"min_difficulty": 8, "max_difficulty": 64, "schedule_type": "fixed_linear", "schedule_config": {"total_curriculum_step": 10, "difficulty_step": 8}}
    scheduler = CurriculumScheduler(section)
    script = []
    for call, value in [("update", 1), ("set", 40), ("update", 2), ("set", 64), ("update", 3), ("set", 8), ("update", 6), ("set", 100), ("update", 20)]:
        if call == "update":
            scheduler.update_difficulty(value)
        else:
            scheduler.set_current_difficulty(value)
        script.append([call, value, scheduler.get_current_difficulty()])
    cases.append({"kind": "curriculum", "section": section, "script": script})
    config = {
        "total_layer_num": 12, "random_ltd_layer_num": 10, "global_batch_size": 4, "layer_token_lr_schedule": {"enabled": False},
        "random_ltd_schedule": {"min_value": 16, "max_value": 64, "schedule_type": "fixed_linear", "schedule_config": {"require_steps": 8, "seq_per_step": 8}},
    }
    scheduler = RandomLTDScheduler(config)
    script = []
    for call, value in [("update", 0), ("update", 3), ("set", 24), ("update", 4), ("set", 64), ("update", 5), ("reset", 0), ("update", 0), ("set", 80), ("update", 7), ("reset", 0)]:
        if call == "update":
            scheduler.update_seq(value)
        elif call == "set":
            scheduler.set_current_seq(value)
        else:
            scheduler.reset_to_init()
        state = scheduler.get_state()
        script.append([call, value, scheduler.get_current_seq(), state["consumed_layer_tokens"], state["current_steps"], scheduler.get_random_ltd_layer_num()])
    cases.append({"kind": "random_ltd", "config": config, "script": script})
    return cases


save("elasticity.json", elasticity())
save("config-keys.json", config_keys())
save("seqlen-schedules.json", seqlen_schedules())
save("seqlen-batches.json", seqlen_batches())
save("variable-batches.json", variable_batches())
save("engine-sizes.json", engine_sizes())
save("pipeline-batches.json", pipeline_batches())
save("equal-inputs.json", equal_inputs())
save("ulysses.json", ulysses())
save("fpdt.json", fpdt())
save("setters.json", setters())
