"""The client of ``millrace serve``: batches of the Millrace data loader in PyTorch, numpy and jax.

>>> for batch in millrace.Loader("unix:millrace.sock", loader="train", output="torch"):
...     loss = model(**batch).loss
"""

from . import order
from .errors import (
    ConfigError,
    FormatError,
    MillraceError,
    ServerError,
    ServerLostError,
    SlotsExhaustedError,
    StateMismatchError,
)
from .launcher import detect_rank
from .loader import Loader
from .transform import SampleContext

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "FormatError",
    "Loader",
    "MillraceError",
    "SampleContext",
    "ServerError",
    "ServerLostError",
    "SlotsExhaustedError",
    "StateMismatchError",
    "detect_rank",
    "order",
]
