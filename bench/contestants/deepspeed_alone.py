# Makes DeepSpeed's data modules importable by themselves: stubs the rest of it, including communication, so that this process is the only
# rank. MILLRACE_DEEPSPEED is the checkout. Import this before any deepspeed module.
import logging
import os
import sys
import types


def put_in_place(name, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


quiet = logging.getLogger("deepspeed")
quiet.setLevel(logging.ERROR)
here = types.SimpleNamespace(device_name=lambda *_: "cpu", current_device_name=lambda: "cpu")
comm = put_in_place("deepspeed.comm", barrier=lambda *_, **__: None, broadcast=lambda *_, **__: None)
put_in_place("deepspeed", __path__=[os.path.join(os.environ["MILLRACE_DEEPSPEED"], "deepspeed")], comm=comm)
put_in_place("deepspeed.utils", logger=quiet)
put_in_place("deepspeed.accelerator", get_accelerator=lambda: here)
