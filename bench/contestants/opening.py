# python opening.py <what> <endpoint> <format> <count>: opens shards in a bucket with pyarrow; `count` counts their rows.
import sys
import time

import pyarrow.dataset as ds
from pyarrow import fs

from report import cpu_seconds, report

what, endpoint, form, count = sys.argv[1:]
before = cpu_seconds()
started = time.perf_counter()
store = fs.S3FileSystem(
    access_key="key",
    secret_key="secret",
    endpoint_override=endpoint.removeprefix("http://"),
    scheme="http",
    region="us-east-1",
)
data = ds.dataset(f"bench/{form}/{count}", filesystem=store, format="json" if form == "jsonl" else form)
if what == "count":
    rows = data.count_rows()
    assert rows == 10 * int(count), rows
report(1, time.perf_counter() - started, cpu_seconds() - before)
