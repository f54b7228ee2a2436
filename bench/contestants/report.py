# Self-measurement of Python contestants: see Run in ../measure.ts.
import json
import resource
import time


def cpu_seconds():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def children_cpu_seconds():
    """Processor time of worker processes that are still running, read from the process table."""
    import os

    total = 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def measure_for(seconds, work, warm_up_seconds):
    """`work` iterates over amounts."""
    amount = 0
    started = time.perf_counter()
    before = None
    for done in work:
        now = time.perf_counter()
        if before is None:
            if now - started >= warm_up_seconds:
                before = cpu_seconds() + children_cpu_seconds()
                started = time.perf_counter()
            continue
        amount += done
        if now - started > seconds:
            break
    elapsed = time.perf_counter() - started
    report(amount, elapsed, cpu_seconds() + children_cpu_seconds() - before)


def report(amount, seconds, cpu):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"amount": amount, "seconds": seconds, "cpuSeconds": cpu, "peakMiB": peak}), flush=True)


def endless(loader, amount_of):
    while True:
        for batch in loader:
            yield amount_of(batch)
