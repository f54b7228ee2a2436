"""How the difficulty of a curriculum rises with the step."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterator, Mapping

from .errors import ConfigError

#: The difficulty of a step, counted from 1. It never falls.
Schedule = Callable[[int], float]


def open_schedule(options: Mapping[str, Any], low: float, high: float) -> tuple[Schedule, int]:
    """Makes a schedule, and the last step at which it changes. The options are those of the Node.js package.

    Raises:
        ConfigError: for an unknown type, or a missing option.
    """
    kind = options.get("type")
    try:
        if kind == "linear":
            return _root(options["totalSteps"], options["difficultyStep"], 1, low, high)
        if kind == "root":
            return _root(options["totalSteps"], options["difficultyStep"], options["rootDegree"], low, high)
        if kind == "discrete":
            return _discrete(options["difficulties"], options["lastSteps"], low, high)
        if kind == "custom":
            return _custom(options["difficultyAt"], options["totalSteps"], low, high)
    except KeyError as missing:
        raise ConfigError(f"A schedule of type {kind!r} needs {missing}.") from missing
    raise ConfigError(f"The type of a schedule is 'linear', 'root', 'discrete' or 'custom', not {kind!r}.")


def changes_of(schedule: Schedule, last_step: int) -> Iterator[tuple[int, float]]:
    """The steps at which a schedule changes, with the difficulty from there on. The first step is one."""
    step: int | None = 1
    while step is not None:
        difficulty = schedule(step)
        yield step, difficulty
        step = _first_above(schedule, difficulty, step, last_step)


def _first_above(schedule: Schedule, difficulty: float, step: int, last_step: int) -> int | None:
    low, high = step, last_step
    if high <= low or not schedule(high) > difficulty:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if schedule(middle) > difficulty:
            high = middle
        else:
            low = middle
    return high


def _root(total: float, unit: float, degree: float, low: float, high: float) -> tuple[Schedule, int]:
    is_exact = all(float(value).is_integer() for value in (total, unit, degree, low, high))

    def difficulty_at(step: int) -> float:
        if step >= total:
            return high
        if step <= 0:
            return low
        if is_exact:
            line = int(low) + _exact_root(step, int(total), int(degree), int(high - low))
            return _clamp(line - line % int(unit), low, high)
        value = (step / total) ** (1 / degree) * (high - low) + low
        return _clamp(_multiple_below(value, unit), low, high)

    return difficulty_at, math.ceil(total)


def _exact_root(step: int, total: int, degree: int, span: int) -> int:
    """The largest k with ``k^degree * total <= step * span^degree``."""
    limit = step * span**degree
    root: int = math.floor(span * (step / total) ** (1 / degree))
    while root**degree * total > limit:
        root -= 1
    while (root + 1) ** degree * total <= limit:
        root += 1
    return root


def _multiple_below(value: float, unit: float) -> float:
    """The largest multiple of ``unit`` up to a value; values within rounding error of one count as it."""
    sign = (value > 0) - (value < 0)
    count = math.floor((value / unit) * (1 + sign * 1e-12) + 1e-12)
    per_one = math.floor(1 / unit + 0.5)
    return count / per_one if abs(per_one * unit - 1) < 1e-12 else count * unit


def _discrete(difficulties: Any, last_steps: Any, low: float, high: float) -> tuple[Schedule, int]:
    if len(difficulties) != len(last_steps) + 1 or not last_steps:
        raise ConfigError("A discrete schedule has one difficulty more than lastSteps, and at least one of those.")
    rising: list[float] = []
    largest = -math.inf
    for difficulty in difficulties:
        largest = max(largest, difficulty)
        rising.append(_clamp(largest, low, high))

    def difficulty_at(step: int) -> float:
        if step > last_steps[-1]:
            return rising[-1]
        return next(value for value, last in zip(rising, last_steps) if step <= last)

    return difficulty_at, math.ceil(last_steps[-1] + 1)


def _custom(function: Schedule, total: float, low: float, high: float) -> tuple[Schedule, int]:
    last_step = math.ceil(total)
    table = [high] * (last_step + 1)
    largest = low
    for step in range(1, last_step):
        largest = min(max(largest, function(step)), high)
        table[step] = largest
    return lambda step: table[min(max(step, 1), last_step)], last_step


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
