"""Clients that are killed, stopped, forked, and that lose their server. `python life.py MODE ADDRESS LOADER`."""

import gc
import os
import signal
import sys
import time

import millrace
from batches import digest

mode, address, name = sys.argv[1:4]


def say(*words):
    print(*words, flush=True)


def open_loader(**options):
    return millrace.Loader(address, name, "numpy", **options)


def resume():
    """Reads an epoch; when the server is lost, waits for a line and continues from the state with a new loader."""
    state = None
    while True:
        try:
            with open_loader() as loader:
                if state is not None:
                    loader.load_state_dict(state)
                for batch in loader:
                    state = loader.state_dict()
                    say("batch", digest(batch))
                    if int(sys.argv[4]) and len(loader) // 2 == state["step"]:
                        # Read no further before the server is gone: what is in flight is not lost by it.
                        say("half")
                        sys.stdin.readline()
                say("end")
                return
        except millrace.ServerLostError as error:
            say("lost", error.code, "|", str(error))
            if sys.stdin.readline().strip() == "stop":
                return


def endless():
    """Reads epoch after epoch. When the server is lost, waits for a line and continues from the state with a new loader."""
    state = None
    while sys.stdin.readline():
        try:
            with open_loader(retry_seconds=0.01) as loader:
                if state is not None:
                    loader.load_state_dict(state)
                while True:
                    for batch in loader:
                        state = loader.state_dict()
                        say("batch", digest(batch))
        except millrace.ServerLostError as error:
            say("lost", error.code)


def read_epoch(loader):
    """Reads an epoch, and waits for a line in the middle."""
    for i, batch in enumerate(loader):
        say("batch", digest(batch))
        if i == 3:
            say("half")
            sys.stdin.readline()


def ride():
    """Reads an epoch over a restart of the server."""
    with open_loader(retry_seconds=600.0) as loader:
        read_epoch(loader)
    say("end")


def silent():
    """A server that is stopped gives no sign of life."""
    try:
        with open_loader(timeout=0.2) as loader:
            for i, _ in enumerate(loader):
                if i == 3:
                    say("half")
                    sys.stdin.readline()
        say("end")
    except millrace.ServerLostError as error:
        say("lost", str(error))


def stopped():
    """Reads an epoch, and may be stopped in the middle."""
    with open_loader(timeout=0.2) as loader:
        read_epoch(loader)
    say("end")


def killed():
    """Forks clients and kills each at another moment."""
    for number in range(int(sys.argv[4])):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            loader = open_loader()
            while True:
                for _ in loader:
                    os.write(write, b".")
        os.close(write)
        # Before its first batch, right after it, and later.
        for _ in range(number % 12):
            os.read(read, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
    say("end")


def forked():
    """Forks in mid-epoch: both processes read on, and batches from before stay as they were."""
    loader = open_loader()
    iteration = iter(loader)
    kept = [next(iteration) for _ in range(3)]
    before = [digest(batch) for batch in kept]
    read, write = os.pipe()
    child = os.fork()
    rest = [digest(batch) for batch in iteration]
    after = [digest(batch) for batch in kept]
    text = " ".join([*before, *rest]) if before == after else "changed"
    if child == 0:
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    chunks = []
    while chunk := os.read(read, 65536):
        chunks.append(chunk)
    os.waitpid(child, 0)
    say("parent", text)
    say("child", b"".join(chunks).decode())
    say("shared", loader.stats()["shared"])


def leaking():
    """Keeps every batch, until the slots are out; then lets them go and reads on."""
    loader = open_loader(in_flight=2, slots=5)
    kept, error = [], None
    try:
        for batch in loader:
            kept.append(batch)
    except millrace.SlotsExhaustedError as exhausted:
        error = exhausted
    say("error", error.code, "|", str(error))
    state = loader.state_dict()
    first = digest(kept[-1])
    del kept, batch, error
    gc.collect()
    say("free", loader.stats()["free_slots"])
    rest = [digest(batch) for batch in loader]
    say("kept", state["step"], first)
    say("rest", *rest)


def tracked():
    """Python's resource tracker is not started: it would remove memory of others."""
    from multiprocessing import resource_tracker

    loader = open_loader()
    list(loader)
    say("shared", loader.stats()["shared"], "tracker", resource_tracker._resource_tracker._pid)


def held():
    """Holds the session open until a line comes."""
    loader = open_loader()
    batches = list(zip(range(6), loader))
    say("half", len(batches))
    sys.stdin.readline()
    time.sleep(0)


globals()[mode]()
