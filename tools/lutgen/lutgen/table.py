"""Reading and writing of `.s2lut` files. The format is described in `sen2cor-io/src/auxiliary/lut_file.rs`."""

import json
import struct
from pathlib import Path

import numpy as np

MAGIC, VERSION, ALIGNMENT = b"S2ATMLUT", 1, 64


def read(path):
    """Header and arrays of a table."""
    data = Path(path).read_bytes()
    if data[:8] != MAGIC:
        raise ValueError(f"{path}: not a table")
    version, length = struct.unpack("<II", data[8:16])
    if version != VERSION:
        raise ValueError(f"{path}: version {version}, expected {VERSION}")
    header = json.loads(data[16 : 16 + length])
    arrays = {}
    for name, place in header["arrays"].items():
        count, offset = int(np.prod(place["shape"])), 16 + length + place["offset"]
        arrays[name] = np.frombuffer(data, "<f4", count, offset).reshape(place["shape"])
    return header, arrays


def write(path, header, arrays):
    """Writes a table; `header` has everything but the places of the arrays."""
    places, offset = {}, 0
    for name, values in arrays.items():
        places[name] = {"shape": list(values.shape), "offset": offset, "dtype": "<f4"}
        offset += -(-4 * values.size // ALIGNMENT) * ALIGNMENT
    text = json.dumps({**header, "arrays": places}).encode()
    # Arrays begin at a multiple of the alignment.
    text += b" " * (-(16 + len(text)) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<II", VERSION, len(text)) + text)
        for values in arrays.values():
            raw = np.ascontiguousarray(values, "<f4").tobytes()
            file.write(raw + bytes(-len(raw) % ALIGNMENT))
