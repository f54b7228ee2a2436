"""Trains with the real frameworks on batches of a server. `python frameworks.py MODE ADDRESS`. Prints what the test compares."""

import json
import os
import sys
import tempfile

import millrace

mode, address = sys.argv[1:3]


def say(**facts):
    print(json.dumps(facts), flush=True)


def loader(**options):
    return millrace.Loader(address, loader="regression", **options)


def line_model():
    import torch

    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(2, 1, bias=False)

        def forward(self, x, labels):
            loss = torch.nn.functional.mse_loss(self.layer(x), labels)
            return {"loss": loss}

    return Line()


def weights(model):
    return [round(value, 3) for value in model.layer.weight.flatten().tolist()]


def plain():
    import torch

    model = line_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    batches = loader()
    for epoch in range(6):
        batches.set_epoch(epoch)
        for batch in batches:
            loss = model(**batch)["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    stats = batches.stats()
    say(weights=weights(model), length=len(batches), batch_size=batches.batch_size, batches=stats["batches"])


def tensors():
    """Tensors are views of shared memory: writable, and their slots come back."""
    import gc

    import torch

    batches = loader(in_flight=2, slots=4)
    iteration = iter(batches)
    for _ in range(6):
        batch = next(iteration)
    sliced = batch["x"][2:4]
    del batch
    sliced += 1
    shared = torch.from_dlpack(sliced)
    kept = shared.clone()
    while next(iteration, None) is not None:
        pass
    equal = bool(torch.equal(kept, shared))
    del sliced, shared
    gc.collect()
    say(equal=equal, free=batches.stats()["free_slots"], shared=batches.stats()["shared"])


def lightning():
    import logging

    import lightning
    import torch

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.line = line_model()

        def training_step(self, batch, index):
            return self.line(**batch)["loss"]

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.3)

    module = Module()
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            max_epochs=6, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=folder,
        )
        trainer.fit(module, loader())
    say(weights=weights(module.line), steps=trainer.global_step)


def accelerate():
    import torch
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = line_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    batches = loader()
    model, optimizer, batches = accelerator.prepare(model, optimizer, batches)
    for _ in range(6):
        for batch in batches:
            accelerator.backward(model(**batch)["loss"])
            optimizer.step()
            optimizer.zero_grad()
    say(weights=weights(accelerator.unwrap_model(model)), prepared=type(batches).__module__)


def transformers():
    import torch
    from transformers import Trainer, TrainingArguments

    model = line_model()
    batches = loader()

    class ServedTrainer(Trainer):
        def get_train_dataloader(self):
            return batches

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=6, learning_rate=0.3, lr_scheduler_type="constant", report_to=[],
            save_strategy="no", use_cpu=True, disable_tqdm=True, logging_strategy="no", max_grad_norm=0,
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
        trainer = ServedTrainer(model=model, args=arguments, optimizers=(optimizer, None))
        result = trainer.train()
    say(weights=weights(model), steps=result.global_step)


def deepspeed():
    """DeepSpeed's engine iterates `training_dataloader`, and asks for its length; the package itself needs a compiler."""
    import torch

    class Engine:
        def __init__(self, model):
            self.module = model
            self.optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
            self.training_dataloader = None

        def __call__(self, **batch):
            return self.module(**batch)["loss"]

        def backward(self, loss):
            loss.backward()

        def step(self):
            self.optimizer.step()
            self.optimizer.zero_grad()

    model_engine = Engine(line_model())
    model_engine.training_dataloader = loader()
    for _ in range(6):
        for batch in model_engine.training_dataloader:
            model_engine.backward(model_engine(**batch))
            model_engine.step()
    say(weights=weights(model_engine.module))


def distributed():
    """Rank and world size come from torch.distributed."""
    import torch.distributed as dist
    import torch.multiprocessing as processes

    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(_rank, args=(folder,), nprocs=2)
        parts = [json.load(open(f"{folder}/{rank}.json")) for rank in range(2)]
    assert dist.is_available()
    say(parts=parts)


def _rank(rank, folder):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    batches = loader()
    first = next(iter(batches))["x"][:, 0]
    json.dump([batches.rank, batches.world_size, [round(96 * value) for value in first.tolist()]], open(f"{folder}/{rank}.json", "w"))
    dist.destroy_process_group()


def jax():
    import jax.numpy as jnp

    batches = loader(output="jax")
    first = next(iter(batches))
    say(type=type(first["x"]).__module__, sum=round(float(jnp.sum(first["x"][:, 0]) * 96)))


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    globals()[mode]()
