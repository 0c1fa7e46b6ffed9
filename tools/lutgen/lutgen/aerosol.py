"""Optics of the aerosols of Shettle and Fenn (1979, AFGL-TR-79-0214) by Mie theory.

A model is a mixture of log-normal modes whose particles grow with relative humidity. The growth is given by the median radius; the refractive
index of a wet particle is the volume mean of the dry substance and water. Refractive indices of the substances: World Climate Programme,
WCP-12 (1983), after Shettle and Fenn.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sasktran2.mie import LinearizedMie
from sasktran2.mie.distribution import compute_greek_coefficients

# Wavelength in um, real and imaginary part.
_UM = np.array([0.337, 0.40, 0.488, 0.515, 0.55, 0.633, 0.694, 0.86, 1.06, 1.3, 1.536, 1.8, 2.0, 2.25, 2.5])
_INDEX = {
    "water soluble": (
        [1.53] * 7 + [1.52, 1.52, 1.51, 1.51, 1.46, 1.42, 1.42, 1.42],
        [5e-3, 5e-3, 5e-3, 5e-3, 6e-3, 6e-3, 7e-3, 1.2e-2, 1.7e-2, 2.0e-2, 2.3e-2, 1.7e-2, 8e-3, 1.0e-2, 1.2e-2],
    ),
    "dust": (
        [1.53] * 7 + [1.52, 1.52, 1.46, 1.40, 1.33, 1.26, 1.22, 1.18],
        [8e-3] * 13 + [9e-3, 9e-3],
    ),
    "sea salt": (
        [1.51, 1.50, 1.50, 1.50, 1.50, 1.49, 1.49, 1.48, 1.47, 1.47, 1.46, 1.45, 1.45, 1.44, 1.43],
        [4e-7, 3e-8, 2e-8, 1e-8, 1e-8, 2e-8, 1e-7, 3e-6, 2e-4, 4e-4, 6e-4, 8e-4, 1e-3, 2e-3, 4e-3],
    ),
    "water": (
        [1.345, 1.339, 1.335, 1.334, 1.333, 1.332, 1.331, 1.329, 1.326, 1.321, 1.317, 1.312, 1.306, 1.292, 1.261],
        [8.5e-9, 1.86e-9, 9.7e-10, 1.2e-9, 1.96e-9, 1.46e-8, 3.0e-8, 2.93e-7, 4.0e-6, 1.2e-5, 1.0e-4, 1.15e-4,
         1.1e-3, 3.9e-4, 1.74e-3],
    ),
}

# Median radius in um at 0, 50, 70 and 80 % relative humidity, and the standard deviation of log10(radius).
_RADIUS_UM = {
    "small": {0: 0.02700, 50: 0.02748, 70: 0.02846, 80: 0.03274},
    "large": {0: 0.4300, 50: 0.4377, 70: 0.4571, 80: 0.5477},
    "salt": {0: 0.1600, 50: 0.1711, 70: 0.2041, 80: 0.3180},
}
_SPREAD = {"small": 0.35, "large": 0.40, "salt": 0.40}

# Shares of the number of particles.
MODELS = {
    "rural": {"small": 0.999875, "large": 0.000125},
    "maritime": {"small": 0.99, "salt": 0.01},
    "tropospheric": {"small": 1.0},
}

# Angles at which the phase matrix is computed, degrees, and radii of the integration.
ANGLES_DEG = np.linspace(0.0, 180.0, 1801)
_RADII = 600
_RADIUS_LIMITS_UM = (0.003, 60.0)


@dataclass(frozen=True)
class Optics:
    """Optics of a particle: extinction cross-section (um^2), single-scattering albedo, asymmetry, and the coefficients of the phase matrix in
    generalised spherical functions (a1, a2, a3, b1 by order)."""

    extinction: float
    albedo: float
    asymmetry: float
    greek: np.ndarray


def refractive_index(substance, um):
    """n + i k of a substance."""
    if substance == "continental":
        return 0.7 * refractive_index("water soluble", um) + 0.3 * refractive_index("dust", um)
    real, imaginary = _INDEX[substance]
    return np.interp(um, _UM, real) + 1j * np.interp(um, _UM, imaginary)


def _modes(model, humidity, um):
    for mode, share in MODELS[model].items():
        dry = refractive_index("sea salt" if mode == "salt" else "continental", um)
        water = refractive_index("water", um)
        radius = _RADIUS_UM[mode][humidity]
        dry_volume = (_RADIUS_UM[mode][0] / radius) ** 3
        yield share, radius, _SPREAD[mode] * np.log(10.0), water + (dry - water) * dry_volume


@lru_cache(maxsize=None)
def optics(model, humidity, um, moments):
    """Optics of a model at a relative humidity (%) and wavelength (um), with this many moments of the phase matrix."""
    solver = LinearizedMie(2)
    cosines = np.cos(np.radians(ANGLES_DEG))
    wave_number = 2.0 * np.pi / um
    extinction = scattering = 0.0
    matrix = np.zeros((4, cosines.size))
    for share, median, sigma, index in _modes(model, humidity, um):
        low = max(_RADIUS_LIMITS_UM[0], median * np.exp(-6.0 * sigma))
        high = min(_RADIUS_LIMITS_UM[1], median * np.exp(6.5 * sigma))
        log_radius = np.linspace(np.log(low), np.log(high), _RADII)
        radius = np.exp(log_radius)
        bell = np.exp(-0.5 * ((log_radius - np.log(median)) / sigma) ** 2)
        number = share * bell * (log_radius[1] - log_radius[0]) / (np.sqrt(2.0 * np.pi) * sigma)
        mie = solver.calculate(wave_number * radius, np.cdouble(np.conj(index)), cosines, False)
        area = np.pi * radius**2 * number
        extinction += np.sum(area * mie.Qext)
        scattering += np.sum(area * mie.Qsca)
        weight = (number / wave_number**2)[:, None]
        s1, s2 = mie.S1, mie.S2
        matrix[0] += np.sum(weight * 0.5 * (abs(s1) ** 2 + abs(s2) ** 2), axis=0)
        matrix[1] += np.sum(weight * 0.5 * (abs(s1) ** 2 - abs(s2) ** 2), axis=0)
        matrix[2] += np.sum(weight * (s2 * s1.conj()).real, axis=0)
        matrix[3] += np.sum(weight * (s1 * s2.conj()).imag, axis=0)
    # The mean of the first element over all directions is 1.
    matrix /= 0.5 * np.trapezoid(matrix[0][::-1], cosines[::-1])
    asymmetry = 0.5 * np.trapezoid((matrix[0] * cosines)[::-1], cosines[::-1])
    p11, p12, p33, p34 = (row[None] for row in matrix)
    a1, a2, a3, _, b1, _ = compute_greek_coefficients(
        p11=p11, p12=p12, p22=p11, p33=p33, p34=p34, p44=p33, angle_grid=ANGLES_DEG, num_coeff=moments
    )
    return Optics(extinction, scattering / extinction, asymmetry, np.array([a1[0], a2[0], a3[0], b1[0]]))


# Wavelengths at which the models are tabulated in LOWTRAN, um.
_TABULATED_UM = np.array([0.3371, 0.55, 0.6943, 1.06, 1.536, 2.0, 2.25, 2.5])


@lru_cache(maxsize=None)
def _tabulated(model, humidity):
    found = [optics(model, humidity, um, 2) for um in _TABULATED_UM]
    extinction = np.array([o.extinction for o in found])
    absorption = extinction * (1.0 - np.array([o.albedo for o in found]))
    reference = extinction[1]
    return extinction / reference, absorption / reference, np.array([o.asymmetry for o in found])


def linear_optics(model, humidity, um, moments):
    """As `optics`, but linear between the wavelengths of LOWTRAN, with a Henyey-Greenstein phase function; extinction relative to 0.55 um."""
    extinction, absorption, asymmetry = (np.interp(um, _TABULATED_UM, row) for row in _tabulated(model, humidity))
    order = np.arange(moments)
    greek = np.zeros((4, moments))
    greek[0] = (2 * order + 1) * asymmetry**order
    return Optics(extinction, 1.0 - absorption / extinction, asymmetry, greek)
