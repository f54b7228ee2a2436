"""Rank and world size: from ``torch.distributed``, or from the variables of the launcher."""

from __future__ import annotations

import os
import sys
from typing import Mapping

from .errors import ConfigError

# In order of precedence, as in Node.js: a launcher inside another one numbers its own processes.
_LAUNCHERS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("MILLRACE_RANK", ("MILLRACE_WORLD_SIZE",), False),
    ("RANK", ("WORLD_SIZE",), False),
    ("OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",), False),
    ("SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"), True),
    ("JOB_COMPLETION_INDEX", ("WORLD_SIZE",), True),
)


def detect_rank(environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """Returns ``(rank, world_size)`` of this process.

    ``MILLRACE_RANK`` and ``MILLRACE_WORLD_SIZE`` come first. Then an initialized ``torch.distributed``, then the variables of
    torchrun and DeepSpeed, Open MPI, Slurm, and an indexed Kubernetes Job. Without any of them: ``(0, 1)``.

    Raises:
        ConfigError: naming a variable that is malformed, or missing although another one needs it.
    """
    variables = os.environ if environment is None else environment
    if environment is None and "MILLRACE_RANK" not in variables:
        # Not imported here: a trainer that uses it has done so.
        distributed = sys.modules.get("torch.distributed")
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
    for rank_name, size_names, needs_size in _LAUNCHERS:
        if rank_name not in variables:
            continue
        size_name = next((name for name in size_names if name in variables), None)
        if size_name is None and needs_size:
            continue
        if size_name is None:
            raise ConfigError(f"{size_names[0]} is not set, but {rank_name} is.")
        rank = _whole_number(variables, rank_name)
        size = _whole_number(variables, size_name)
        if rank >= size:
            raise ConfigError(f"{rank_name} is {rank}, outside 0 ... {size_name} - 1, which is {size - 1}.")
        return rank, size
    if _whole_number(variables, "WORLD_SIZE", "1") > 1:
        raise ConfigError(f"RANK is not set, but WORLD_SIZE is {variables['WORLD_SIZE']}.")
    return 0, 1


def _whole_number(variables: Mapping[str, str], name: str, default: str = "") -> int:
    text = variables.get(name, default)
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"{name} must be a whole number of 0 or more, not {text!r}.")
    return int(text)
