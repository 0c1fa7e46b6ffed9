"""Opens a Level-2A product with other people's readers and compares what they understand.

    python tools/foreign_readers.py PRODUCT.SAFE

Readers: gdalinfo (the SENTINEL2 driver), stactools-sentinel2 and eoreader; one that is not installed is reported and left out.
What is compared: bands and their files, offset and scale, georeference, times, cloud cover. Ends with 1 if anything differs.
"""

import json
import shutil
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PROBLEMS = []
UNITS = {"B1": "B01", "B2": "B02", "B3": "B03", "B4": "B04", "B5": "B05", "B6": "B06", "B7": "B07", "B8": "B08", "B9": "B09"}


def check(reader, what, found, expected):
    same = found == expected
    if isinstance(found, float) and isinstance(expected, float):
        same = abs(found - expected) <= 1e-6 * max(1.0, abs(expected))
    print(f"{'ok  ' if same else 'FAIL'} {reader}: {what}" + ("" if same else f": {found!r}, expected {expected!r}"))
    if not same:
        PROBLEMS.append(f"{reader}: {what}")


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def texts(root, name):
    return [element.text.strip() for element in root.iter() if local(element) == name and element.text]


class Product:
    """What the product says of itself."""

    def __init__(self, path):
        self.path = Path(path)
        self.metadata = self.path / "MTD_MSIL2A.xml"
        root = ElementTree.parse(self.metadata).getroot()
        tile = ElementTree.parse(next(self.path.glob("GRANULE/*/MTD_TL.xml"))).getroot()
        self.cloud = float(texts(root, "Cloud_Coverage_Assessment")[0])
        # Products of old baselines have none.
        self.offsets = {float(text) for text in texts(root, "BOA_ADD_OFFSET")} or {0.0}
        self.scale = float(texts(root, "BOA_QUANTIFICATION_VALUE")[0])
        self.start = texts(root, "DATATAKE_SENSING_START")[0]
        self.sensing = texts(tile, "SENSING_TIME")[0]
        self.epsg = int(texts(tile, "HORIZONTAL_CS_CODE")[0].split(":")[1])
        self.ulx, self.uly = float(texts(tile, "ULX")[0]), float(texts(tile, "ULY")[0])
        self.rows = int(texts(tile, "NROWS")[0])
        self.files = [text.rsplit("/", 1)[-1] for text in texts(root, "IMAGE_FILE")]
        self.bands = sorted({name.split("_")[2] for name in self.files if name.split("_")[2].startswith("B")})


def gdal(product):
    if not shutil.which("gdalinfo"):
        return print("left out: gdalinfo is not installed")
    info = lambda name: json.loads(subprocess.run(["gdalinfo", "-json", name], check=True, capture_output=True).stdout)
    root = info(str(product.metadata))
    names = [name for key, name in root["metadata"]["SUBDATASETS"].items() if key.endswith("_NAME")]
    bands = set()
    for name in names:
        if ":TCI:" in name:
            continue
        part = info(name)
        pixel = part["geoTransform"][1]
        check("GDAL", f"corner at {pixel:.0f} m", (part["geoTransform"][0], part["geoTransform"][3]), (product.ulx, product.uly))
        check("GDAL", f"coordinate system at {pixel:.0f} m", f'ID["EPSG",{product.epsg}]]' in part["coordinateSystem"]["wkt"], True)
        check("GDAL", f"rows at {pixel:.0f} m", part["size"][1], int(product.rows * 10 / pixel))
        for band in part["bands"]:
            word = band.get("description", "").split(",")[0].split(" ")[0]
            if word.startswith("B"):
                bands.add(UNITS.get(word, word))
    check("GDAL", "bands", sorted(bands), product.bands)
    found = root["metadata"][""]
    check("GDAL", "cloud cover", float(found["CLOUD_COVERAGE_ASSESSMENT"]), product.cloud)
    check("GDAL", "sensing start", found["DATATAKE_1_DATATAKE_SENSING_START"], product.start)
    check("GDAL", "quantification", float(found["BOA_QUANTIFICATION_VALUE"]), product.scale)
    offsets = {float(value) for key, value in found.items() if key.startswith("BOA_ADD_OFFSET_") and key[15:].isdigit()}
    if offsets:
        check("GDAL", "offsets", offsets, product.offsets)
    else:
        print("note GDAL: this version does not show BOA_ADD_OFFSET")


def stactools(product):
    try:
        from stactools.sentinel2.stac import create_item
    except ImportError as error:
        return print(f"left out: stactools-sentinel2 ({error})")
    item = create_item(str(product.path))
    properties = item.properties
    epsg = properties.get("proj:epsg") or int(str(properties.get("proj:code")).split(":")[1])
    check("stactools", "coordinate system", epsg, product.epsg)
    check("stactools", "cloud cover", float(properties["eo:cloud_cover"]), product.cloud)
    time = item.datetime.strftime("%Y-%m-%dT%H:%M:%S")
    check("stactools", "time", time in (product.start[:19], product.sensing[:19]), True)
    hrefs = {Path(asset.href).name.removesuffix(".jp2") for asset in item.assets.values() if asset.href.endswith(".jp2")}
    bands = sorted({name.split("_")[2] for name in hrefs if "_B" in name})
    check("stactools", "bands", bands, product.bands)
    for asset in item.assets.values():
        if asset.href.endswith(".jp2") and not Path(asset.href).exists():
            check("stactools", f"file {asset.href}", False, True)
    reflectance = [asset for asset in item.assets.values() if "_B04_" in asset.href]
    transforms = {tuple(asset.extra_fields.get("proj:transform", ())[k] for k in (2, 5)) for asset in reflectance}
    check("stactools", "corner", transforms, {(product.ulx, product.uly)})
    raster = [band for asset in reflectance for band in asset.extra_fields.get("raster:bands", [])]
    check("stactools", "offset", {round(band["offset"] * product.scale) for band in raster}, product.offsets)
    check("stactools", "scale", {round(1 / band["scale"]) for band in raster}, {round(product.scale)})


def eoreader(product):
    try:
        from eoreader.bands import GREEN, NIR, RED
        from eoreader.reader import Reader
    except ImportError as error:
        return print(f"left out: eoreader ({error})")
    opened = Reader().open(str(product.path))
    check("eoreader", "time", opened.get_datetime(as_datetime=True).strftime("%Y-%m-%dT%H:%M:%S"), product.start[:19])
    check("eoreader", "cloud cover", float(opened.get_cloud_cover()), product.cloud)
    check("eoreader", "coordinate system", opened.crs().to_epsg(), product.epsg)
    files = {Path(path).name for path in opened.get_existing_band_paths().values()}
    # eoreader has no use for B10, and takes each band from the folder of its own resolution.
    check("eoreader", "bands", sorted({name.split("_")[2] for name in files}), product.bands)
    red = opened.load([RED, GREEN, NIR], pixel_size=10)[RED]
    stored = read_raw(next(product.path.glob("GRANULE/*/IMG_DATA/R10m/*_B04_10m.jp2")))
    expected = float((stored[stored > 0].astype("f8") + min(product.offsets)).mean() / product.scale)
    found = float(red.mean())
    # eoreader sets negative reflectance to 0.
    check("eoreader", f"mean red reflectance {found:.4f}", abs(found - expected) < 2e-3, True)
    check("eoreader", "corner", (float(red.x.min()) - 5, float(red.y.max()) + 5), (product.ulx, product.uly))


def read_raw(path):
    import rasterio

    with rasterio.open(path) as image:
        return image.read(1)


def main():
    warnings.simplefilter("ignore")
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    product = Product(sys.argv[1])
    for reader in (gdal, stactools, eoreader):
        try:
            reader(product)
        except Exception as error:  # A reader that fails is a finding, the others still have their say.
            check(reader.__name__, f"opens the product ({type(error).__name__}: {error})", False, True)
    print(f"{len(PROBLEMS)} problems")
    sys.exit(1 if PROBLEMS else 0)


main()
