"""Records masks as PNG files of every kind, and the values that numpy reads with Pillow: masks.json."""
import base64, io, json, pathlib, struct, zlib
import numpy as np
from PIL import Image

rng = np.random.default_rng(7)
HEIGHT, WIDTH = 11, 13


def chunk(name, content):
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))


def png(levels, bits, kind, extra=b''):
    """A PNG of one channel, row by row without filters."""
    rows = []
    for row in levels:
        if bits == 16:
            packed = b''.join(struct.pack('>H', int(v)) for v in row)
        else:
            text = ''.join(format(int(v), f'0{bits}b') for v in row)
            text += '0' * (-len(text) % 8)
            packed = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        rows.append(b'\0' + packed)
    header = struct.pack('>IIBBBBB', levels.shape[1], levels.shape[0], bits, kind, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra + chunk(b'IDAT', zlib.compress(b''.join(rows))) + chunk(b'IEND', b'')


cases = []


def record(name, data):
    values = np.array(Image.open(io.BytesIO(data))).astype(int)
    cases.append({'name': name, 'png': base64.b64encode(data).decode(), 'shape': list(values.shape), 'values': values.ravel().tolist()})


for bits in (1, 2, 4, 8):
    levels = rng.integers(0, 2 ** bits, (HEIGHT, WIDTH))
    # Two entries have the same color: only the index tells them apart.
    colors = rng.integers(0, 256, (2 ** bits, 3)).astype('uint8')
    colors[1] = colors[0]
    record(f'palette of {bits} bits', png(levels, bits, 3, chunk(b'PLTE', colors.tobytes())))
    record(f'palette of {bits} bits, a transparent entry', png(levels, bits, 3, chunk(b'PLTE', colors.tobytes()) + chunk(b'tRNS', b'\0')))
for bits in (1, 2, 4, 8, 16):
    record(f'gray of {bits} bits', png(rng.integers(0, 2 ** bits, (HEIGHT, WIDTH)), bits, 0))
record('gray of 8 bits with gamma', png(rng.integers(0, 256, (HEIGHT, WIDTH)), 8, 0, chunk(b'gAMA', struct.pack('>I', 100000))))
pathlib.Path(__file__).with_name('masks.json').write_text(json.dumps({'cases': cases}, separators=(',', ':')) + '\n')
