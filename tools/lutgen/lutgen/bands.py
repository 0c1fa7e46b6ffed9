"""From wavelengths to bands."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
import pandas
import pvlib
from scipy.interpolate import CubicSpline

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
STEP_UM = 0.0025


@dataclass(frozen=True)
class Response:
    """Response of a band at wavelengths in um."""

    um: np.ndarray
    values: np.ndarray


def responses(metadata):
    """Spacecraft and responses of the bands from an `MTD_MSIL1C.xml` of baseline 04.00 or later."""
    root = ElementTree.parse(metadata).getroot()
    name = root.findtext(".//SPACECRAFT_NAME", "").replace("Sentinel-", "S")
    found = {}
    for band in root.iter("Spectral_Information"):
        first = float(band.findtext("Wavelength/MIN"))
        step = float(band.findtext("Spectral_Response/STEP"))
        values = np.array(band.findtext("Spectral_Response/VALUES").split(), float)
        um = (first + step * np.arange(values.size)) / 1000.0
        found[BANDS[int(band.get("bandId"))]] = Response(um, values)
    missing = [band for band in BANDS if band not in found]
    if not name or missing:
        raise ValueError(f"{metadata}: no spectral response of {missing or 'a named spacecraft'}")
    return name, [found[band] for band in BANDS]


def solar_irradiance(um):
    """Irradiance outside of the atmosphere by the reference spectrum ASTM G173-03, as pvlib ships it; W m-2 nm-1."""
    spectrum: pandas.Series = pvlib.spectrum.get_reference_spectra(standard="ASTM G173-03")["extraterrestrial"]
    return np.interp(um, spectrum.index.to_numpy() / 1000.0, spectrum.to_numpy())


def band_means(um, quantity, bands):
    """Means of a positive quantity (wavelength first) over bands, weighted with response and irradiance.

    The logarithm of the quantity is a cubic spline in the logarithm of the wavelength.
    """
    spline = CubicSpline(np.log(um), np.log(np.maximum(quantity, 1e-12)), axis=0)
    means = []
    for band in bands:
        fine = np.arange(max(band.um[0], um[0]), min(band.um[-1], um[-1]) + STEP_UM / 2, STEP_UM)
        weights = np.interp(fine, band.um, band.values) * solar_irradiance(fine)
        means.append(np.tensordot(weights / weights.sum(), np.exp(spline(np.log(fine))), 1))
    return np.array(means)
