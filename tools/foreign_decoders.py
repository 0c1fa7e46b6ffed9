"""Decodes the images of a product, or single files, with other people's JPEG 2000 decoders and compares the samples.

    python tools/foreign_decoders.py PRODUCT.SAFE|FILE.jp2... [--hayro PROGRAM]

Decoders: opj_decompress (the reference), gdal_translate, grk_decompress (Grok) and hayro-jpeg2000 through tools/hayro. One that is
not installed is reported and left out. Ends with 1 if anything differs, or if there are not two decoders to compare.
"""

import argparse
import hashlib
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def shape(path):
    """Width, height, components and bits from the SIZ segment (ITU-T T.800 A.5.1)."""
    data = path.read_bytes()
    at = data.index(b"\xff\x4f\xff\x51") + 4
    x1, y1, x0, y0 = struct.unpack(">4I", data[at + 4 : at + 20])
    components, depth = struct.unpack(">HB", data[at + 36 : at + 39])
    return x1 - x0, y1 - y0, components, (depth & 127) + 1


def run(command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def opj(path, raw, _bytes):
    run(["opj_decompress", "-i", path, "-o", raw.with_suffix(".rawl")])
    return raw.with_suffix(".rawl")


def gdal(path, raw, size):
    run(["gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BSQ", "-ot", "Byte" if size == 1 else "UInt16", path, raw])
    return raw


def grok(path, raw, _bytes):
    run(["grk_decompress", "-i", path, "-o", raw.with_suffix(".rawl")])
    return raw.with_suffix(".rawl")


def decoders(hayro):
    """Those that are here: name and function (file, output without suffix, bytes per sample) -> file with the samples."""
    found = []
    for name, program, function in [
        ("OpenJPEG", "opj_decompress", opj),
        ("GDAL", "gdal_translate", gdal),
        ("Grok", "grk_decompress", grok),
    ]:
        if shutil.which(program):
            found.append((name, function))
        else:
            print(f"left out: {program} is not installed")
    if hayro and Path(hayro).is_file():
        found.append(("hayro", lambda path, raw, size: (run([hayro, path, raw, size]), raw)[1]))
    else:
        print("left out: hayro-jpeg2000 is not built (tools/hayro)")
    return found


def check(path, found):
    """Whether all decoders give the same samples."""
    width, height, components, bits = shape(path)
    size = 1 if bits <= 8 else 2
    expected = width * height * components * size
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, function in found:
            try:
                samples = function(path, Path(folder) / f"{name}.raw", size).read_bytes()
                digest = hashlib.sha256(samples).hexdigest()[:12]
                results[name] = digest if len(samples) == expected else f"{len(samples)} bytes, expected {expected}"
            except (OSError, subprocess.CalledProcessError) as error:
                output = getattr(error, "stderr", b"") or b""
                results[name] = "failed: " + (output.decode(errors="replace").strip()[-200:] or str(error))
    same = len(set(results.values())) == 1 and " " not in next(iter(results.values()))
    print(f"{'ok  ' if same else 'FAIL'} {path.name}: {width} x {height} x {components}, {bits} bits: {', '.join(results)}")
    if not same:
        for name, result in results.items():
            print(f"       {name}: {result}")
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--hayro", help="the program that tools/hayro builds")
    arguments = parser.parse_args()
    files = []
    for path in arguments.inputs:
        files += sorted(path.rglob("*.jp2")) if path.is_dir() else [path]
    found = decoders(arguments.hayro)
    if len(found) < 2 or not files:
        print("nothing to compare: two decoders and a file are needed")
        return 1
    wrong = [path for path in files if not check(path, found)]
    print(f"{len(files)} files, {len(found)} decoders, {len(wrong)} files differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
