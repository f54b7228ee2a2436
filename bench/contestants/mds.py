# python mds.py <endpoint> <samples> <workers>: reads MDS shards in a bucket once with MosaicML Streaming, into an empty folder.
import os
import shutil
import sys
import tempfile
import time

endpoint, samples, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ.update(
    S3_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="us-east-1"
)

from streaming import StreamingDataset
from torch.utils.data import DataLoader

from report import children_cpu_seconds, cpu_seconds, report


def main():
    folder = tempfile.mkdtemp()
    before = cpu_seconds()
    started = time.perf_counter()
    data = StreamingDataset(remote="s3://bench/folder", local=folder, shuffle=True, batch_size=32)
    seen = 0
    children = 0.0
    for batch in DataLoader(data, batch_size=32, num_workers=workers):
        seen += len(batch["id"])
        if seen == samples:
            # Workers end with the loop.
            children = children_cpu_seconds()
    assert seen == samples, seen
    report(samples, time.perf_counter() - started, cpu_seconds() - before + children)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
