"""Turns numpy arrays into tensors of a framework."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .errors import ConfigError

Convert = Callable[[Any], Any]


def converter(output: str, pin_memory: bool) -> Convert:
    """The function that turns the arrays of a batch into the tensors that were asked for.

    Raises:
        ConfigError: for an unknown output, or one whose package is not installed.
    """
    if pin_memory and output != "torch":
        raise ConfigError(f"pin_memory needs output='torch', not {output!r}.")
    if output == "numpy":
        return lambda value: value
    if output == "torch":
        return _torch(pin_memory)
    if output == "jax":
        return _jax()
    raise ConfigError(f"output must be 'torch', 'numpy' or 'jax', not {output!r}.")


def map_arrays(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """The same structure with each array changed."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, dict):
        return {key: map_arrays(child, change) for key, child in value.items()}
    if isinstance(value, list):
        return [map_arrays(child, change) for child in value]
    return value


def _torch(pin_memory: bool) -> Convert:
    try:
        import torch
    except ImportError as cause:
        raise _missing("torch") from cause
    pins = pin_memory and torch.cuda.is_available()

    def to_tensor(array: np.ndarray) -> Any:
        # A transform may return an array with negative strides, or one that may not be written to.
        if not array.flags.writeable or any(stride < 0 for stride in array.strides):
            array = array.copy()
        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if pins else tensor

    return lambda value: map_arrays(value, to_tensor)


def _jax() -> Convert:
    try:
        import jax
        import jax.numpy as jnp
    except ImportError as cause:
        raise _missing("jax") from cause
    limits = np.iinfo(np.int32)

    def to_array(array: np.ndarray) -> Any:
        if array.dtype.itemsize == 8 and not getattr(jax.config, "jax_enable_x64"):
            _check_narrow(array, limits)
        return jnp.asarray(array)

    return lambda value: map_arrays(value, to_array)


def _check_narrow(array: np.ndarray, limits: np.iinfo) -> None:
    """jax makes 32-bit numbers of 64-bit ones unless told otherwise; no value may change by it."""
    if array.size == 0:
        return
    if array.dtype.kind == "f":
        fits = bool(np.all((array.astype(np.float32) == array) | np.isnan(array)))
    elif array.dtype.kind == "u":
        fits = int(array.max()) <= np.iinfo(np.uint32).max
    else:
        fits = limits.min <= int(array.min()) and int(array.max()) <= limits.max
    if not fits:
        raise ConfigError(
            f"A {array.dtype} array has values that 32 bits cannot hold, and jax would change them. "
            "Call jax.config.update('jax_enable_x64', True), or make it smaller in the configuration."
        )


def _missing(name: str) -> ConfigError:
    return ConfigError(
        f"output={name!r} needs the package {name}, which is not installed. Run: pip install {name}, or pass output='numpy'."
    )
