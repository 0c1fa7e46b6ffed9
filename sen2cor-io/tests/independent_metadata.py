"""Key figures of Sentinel-2 metadata, read with Python's own XML parser: the other side of `metadata_table.rs`.

Usage: python3 independent_metadata.py FOLDER. Prints one JSON object per file: path, kind and figures.
"""

import json
import math
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def local(element):
    return element.tag.rsplit("}", 1)[-1]


def every(root, name):
    return [element for element in root.iter() if local(element) == name]


def text(root, name):
    found = every(root, name)
    return found[0].text.strip() if found and found[0].text else None


def number(root, name):
    value = text(root, name)
    return None if value is None else float(value)


def product(root):
    offsets = {int(e.get("band_id")): float(e.text) for e in every(root, "RADIO_ADD_OFFSET")}
    irradiance = {int(e.get("bandId")): float(e.text) for e in every(root, "SOLAR_IRRADIANCE")}
    return {
        "uri": text(root, "PRODUCT_URI"),
        "baseline": text(root, "PROCESSING_BASELINE"),
        "spacecraft": text(root, "SPACECRAFT_NAME"),
        "orbit": number(root, "SENSING_ORBIT_NUMBER"),
        "start": text(root, "PRODUCT_START_TIME"),
        "quantification": number(root, "QUANTIFICATION_VALUE"),
        "sun_distance": number(root, "U"),
        "offsets": [offsets.get(band, 0.0) for band in range(13)],
        "irradiance": [irradiance[band] for band in range(13)],
        "granules": len(every(root, "Granule")) + len(every(root, "Granules")),
        "cloud": number(root, "Cloud_Coverage_Assessment"),
    }


def grid(element, angle):
    """Mean of the numbers of a grid and how many there are."""
    part = [child for child in element if local(child) == angle][0]
    values = [float(v) for row in every(part, "VALUES") for v in row.text.split()]
    there = [v for v in values if not math.isnan(v)]
    return [sum(there) / len(there) if there else None, len(there)]


def tile(root):
    sun = every(root, "Mean_Sun_Angle")[0]
    sun_grid = every(root, "Sun_Angles_Grid")[0]
    views = every(root, "Mean_Viewing_Incidence_Angle")
    mean_view = {int(v.get("bandId")): number(v, "ZENITH_ANGLE") for v in views}
    size = [s for s in every(root, "Size") if s.get("resolution") == "10"][0]
    place = [g for g in every(root, "Geoposition") if g.get("resolution") == "10"][0]
    return {
        "id": text(root, "TILE_ID"),
        "epsg": float(text(root, "HORIZONTAL_CS_CODE").split(":")[1]),
        "sensing_time": text(root, "SENSING_TIME"),
        "corner": [number(place, "ULX"), number(place, "ULY")],
        "shape": [number(size, "NROWS"), number(size, "NCOLS")],
        "mean_sun": [number(sun, "ZENITH_ANGLE"), number(sun, "AZIMUTH_ANGLE")],
        "mean_view_zenith": [mean_view.get(band) for band in range(13)],
        "sun_grid": grid(sun_grid, "Zenith") + grid(sun_grid, "Azimuth"),
        "detector_grids": len(every(root, "Viewing_Incidence_Angles_Grids")),
        "masks": len(every(root, "MASK_FILENAME")),
        "cloud": number(root, "CLOUDY_PIXEL_PERCENTAGE"),
    }


KINDS = {"Level-1C_User_Product": product, "Level-1C_Tile_ID": tile}


def main(folder):
    for path in sorted(Path(folder).rglob("*.xml")):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            continue
        kind = local(root)
        row = {"path": str(path), "kind": kind, "elements": sum(1 for _ in root.iter())}
        if kind in KINDS:
            row["figures"] = KINDS[kind](root)
        if kind.startswith("Level-"):
            print(json.dumps(row))


main(sys.argv[1])
