//! Options of the correction of thin cirrus.

use super::define::options;

options! {
    /// The correction of thin cirrus.
    RawCirrusOptions => CirrusOptions, "Cirrus";

    /// Whether thin cirrus that B10 sees is taken off the other bands. Default no. Source: GIPP `Cirrus_Correction`.
    cirrus_correction: bool = false, Flag;
    /// Column of water vapour below which it is not, since B10 then sees the ground, 0.1 to 1 cm. Default 0.25. Source: GIPP
    /// `WV_Threshold_Cirrus`.
    cirrus_water_vapour_min_cm: f64 = 0.25, Number { low: 0.1, high: 1.0, unit: "cm" };
    /// Column of water vapour that is assumed for that in summer where the product forecasts none, 0 to 7 cm. Default 1. Source:
    /// GIPP `AC_Wv_Iter_Start_Summer`.
    water_vapour_start_summer_cm: f64 = 1.0, Number { low: 0.0, high: 7.0, unit: "cm" };
    /// The same in winter. Default 0.4. Source: GIPP `AC_Wv_Iter_Start_Winter`.
    water_vapour_start_winter_cm: f64 = 0.4, Number { low: 0.0, high: 7.0, unit: "cm" };
}
