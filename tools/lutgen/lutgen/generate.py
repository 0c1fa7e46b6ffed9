"""Both stages: the monochromatic data base, then bands.

    python -m lutgen.generate physical OUT.s2lut --gases GIVEN.s2lut --responses MTD_MSIL1C.xml...
    python -m lutgen.generate physical --quick GIVEN.s2lut --responses MTD_MSIL1C.xml

The second form computes a few nodes and compares them with a table that is given; it ends with 0 if they agree.
"""

import argparse
import sys
import time

import numpy as np

from . import aerosol, bands, scattering, table

UM = np.array(
    [0.405, 0.425, 0.443, 0.465, 0.49, 0.515, 0.54, 0.565, 0.60, 0.64, 0.67, 0.705, 0.74, 0.78, 0.82, 0.865, 0.91, 0.955,
     1.10, 1.375, 1.54, 1.69, 2.06, 2.20, 2.33]
)  # fmt: skip
VIEWS = [(0.0, 0.0)] + [(zenith, 30.0 * i) for zenith in (6.0, 12.0) for i in range(7)]

# Pressure at elevations: mid-latitude summer of the AFGL atmospheres (Anderson et al. 1986, AFGL-TR-86-0110).
_PROFILE_KM, _PROFILE_HPA = [0, 1, 2, 3, 4, 5], [1013.0, 902.0, 802.0, 710.0, 628.0, 554.0]

MOMENTS, MOMENTS_OF_FLUXES = 500, 200


class Grid:
    """Nodes of a table. The first sun zenith angle is 0, which separates the ways down and up."""

    def __init__(self, aot, elevation_km, sun_zenith_deg):
        self.aot, self.elevation_km = np.array(aot, float), np.array(elevation_km, float)
        self.sun_zenith_deg = np.array(sun_zenith_deg, float)
        self.pressure_hpa = np.exp(np.interp(elevation_km, _PROFILE_KM, np.log(_PROFILE_HPA)))

    FULL = ([0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 1.8], [0, 1.25, 2.5, 3.75, 5], [0, 10, 20, 30, 40, 50, 60, 70, 76, 82])
    QUICK = ([0, 0.3], [0, 2.5], [0, 60])


class Physical:
    """Vector radiative transfer, Mie phase matrices, rural aerosol at 70 % and maritime at 80 % relative humidity, scale height 2 km."""

    aerosols = [("rural", 70), ("maritime", 80)]
    streams, stokes = 12, 3

    @staticmethod
    def relative_depth(model, humidity, um):
        return aerosol.optics(model, humidity, um, MOMENTS).extinction / aerosol.optics(model, humidity, 0.55, MOMENTS).extinction

    def layers(self, model, humidity, um, aot):
        optics = aerosol.optics(model, humidity, um, MOMENTS)
        return [(max(aot * self.relative_depth(model, humidity, um), 1e-9), optics, scattering.exponential(2.0))]


class Parity:
    """Scalar radiative transfer, Henyey-Greenstein, 50 % relative humidity, optics linear in wavelength, aerosol in boundary layer and
    troposphere: what shows in the results of Sen2Cor."""

    aerosols = [("rural", 50), ("maritime", 50)]
    streams, stokes = 16, 1

    @staticmethod
    def relative_depth(model, humidity, um):
        return aerosol.linear_optics(model, humidity, um, MOMENTS).extinction

    def layers(self, model, humidity, um, aot):
        above = min(0.05, 0.5 * aot)
        layers = []
        for depth, (name, percent), shape in (
            (aot - above, (model, humidity), scattering.boundary_layer()),
            (above, ("tropospheric", 70), scattering.troposphere()),
        ):
            optics = aerosol.linear_optics(name, percent, um, MOMENTS)
            layers.append((max(depth * optics.extinction, 1e-9), optics, shape))
        return layers


FLAVOURS = {"physical": Physical, "parity": Parity}


def monochromatic(flavour, grid, tell):
    """Path reflectance, transmittance and spherical albedo at all wavelengths (first axis) and aerosols (second)."""
    shape = (len(UM), len(flavour.aerosols), len(grid.aot), len(grid.elevation_km), len(grid.sun_zenith_deg))
    path, two_way, albedo = np.zeros((*shape, len(VIEWS))), np.zeros(shape), np.zeros(shape)
    start = time.monotonic()
    for w, um in enumerate(UM):
        molecules = scattering.rayleigh_depth(um, grid.pressure_hpa)
        for a, (model, humidity) in enumerate(flavour.aerosols):
            columns = [
                scattering.Column(um, depth, flavour.layers(model, humidity, um, aot)) for aot in grid.aot for depth in molecules
            ]
            exact = scattering.Columns(columns, MOMENTS)
            plain = scattering.Columns(columns, MOMENTS_OF_FLUXES)
            for s, zenith in enumerate(grid.sun_zenith_deg):
                found = scattering.reflectance(exact, zenith, VIEWS, flavour.streams, flavour.stokes)
                path[w, a, :, :, s] = found.reshape(*shape[2:4], len(VIEWS))
                fluxes = scattering.transmittance_and_albedo(plain, zenith, 16)
                two_way[w, a, :, :, s], albedo[w, a, :, :, s] = (values.reshape(shape[2:4]) for values in fluxes)
        tell(f"{um:.3f} um, {time.monotonic() - start:.0f} s")
    # With the sun overhead both ways are alike.
    down = two_way / np.sqrt(two_way[..., :1])
    return path, down, albedo.mean(axis=-1)


def of_bands(flavour, grid, spectral, response):
    """Arrays of one spacecraft."""
    path, down, albedo = (bands.band_means(UM, quantity, response) for quantity in spectral)
    depths = [[flavour.relative_depth(*model, um) for model in flavour.aerosols] for um in UM]
    return {
        "rho": path,
        "T": down,
        "S": albedo,
        "tauA": bands.band_means(UM, np.array(depths), response),
        "tauR": bands.band_means(UM, np.array([scattering.rayleigh_depth(um, grid.pressure_hpa) for um in UM]), response),
    }


def compare(arrays, given, spacecraft, tell):
    """Prints differences from the same nodes of a given table; true if they are small.

    Limits: 0.5 % in transmittance and path reflectance, which the solar spectrum, the responses and weights without gas may cost (p95; bands in
    which the gases matter for the weights, B09 and B10, are left out).
    """
    full = Grid(*Grid.FULL)
    quick = Grid(*Grid.QUICK)
    place = [
        [int(np.argmin(abs(ours - node))) for node in nodes]
        for ours, nodes in ((full.aot, quick.aot), (full.elevation_km, quick.elevation_km), (full.sun_zenith_deg, quick.sun_zenith_deg))
    ]
    cut = {"rho": place, "T": place, "S": place[:2], "tauA": [], "tauR": [place[1]]}
    within = True
    tell(f"{spacecraft}: relative difference in %, median and 95th percentile of the magnitude")
    tell("band  " + "".join(f"{name:>16}" for name in cut))
    for b, band in enumerate(bands.BANDS):
        line = f"{band:5}"
        for name, nodes in cut.items():
            theirs = given[f"{spacecraft}/{name}"][b]
            if name != "tauA":
                axes = ([] if name == "tauR" else [range(theirs.shape[0])]) + nodes
                axes += [range(n) for n in theirs.shape[len(axes) :]]
                theirs = theirs[np.ix_(*axes)]
            difference = 100.0 * (arrays[name][b] / theirs - 1.0)
            p95 = np.percentile(abs(difference), 95)
            line += f"{np.median(difference):8.2f}{p95:8.2f}"
            if name in ("rho", "T") and band not in ("B09", "B10"):
                within &= bool(p95 <= 0.5)
        tell(line)
    return within


def header(flavour, name, grid, gases):
    given, _ = table.read(gases)
    head = {key: given[key] for key in given if key not in ("arrays", "source")}
    head["aerosol"] = [f"('{model}', {humidity})" for model, humidity in flavour.aerosols]
    head["source"] = {"generator": "tools/lutgen", "flavour": name, "solar": "ASTM G173-03", "gases": given["source"].get("gas", "")}
    return head


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", choices=FLAVOURS)
    parser.add_argument("output", nargs="?", help="table to write")
    parser.add_argument("--responses", nargs="+", required=True, metavar="MTD_MSIL1C.xml", help="metadata with the spectral responses")
    parser.add_argument("--gases", help="table whose gas transmittances are taken")
    parser.add_argument("--quick", metavar="GIVEN", help="compute a few nodes and compare them with this table")
    arguments = parser.parse_args()
    if not arguments.quick and not (arguments.output and arguments.gases):
        parser.error("an output and --gases are needed, or --quick")
    flavour = FLAVOURS[arguments.flavour]()
    grid = Grid(*(Grid.QUICK if arguments.quick else Grid.FULL))
    tell = lambda text: print(text, flush=True)  # noqa: E731
    spectral = monochromatic(flavour, grid, tell)
    spacecraft = [bands.responses(path) for path in arguments.responses]
    made = {name: of_bands(flavour, grid, spectral, response) for name, response in spacecraft}
    if arguments.quick:
        _, given = table.read(arguments.quick)
        within = [compare(arrays, given, name, tell) for name, arrays in made.items()]
        tell("within the limits" if all(within) else "NOT within the limits")
        return 0 if all(within) else 1
    _, gases = table.read(arguments.gases)
    arrays = {}
    for name, own in made.items():
        of_gas = name if f"{name}/TG" in gases else "S2A"
        gas = {key: gases[f"{of_gas}/{key}"] for key in ("TG", "TO3")}
        for key in ("rho", "T", "S", "TG", "TO3", "tauA", "tauR"):
            arrays[f"{name}/{key}"] = {**own, **gas}[key]
    table.write(arguments.output, header(flavour, arguments.flavour, grid, arguments.gases), arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main())
