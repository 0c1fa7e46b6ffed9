//! The search for the unknowns of a chip under one setting.

use crate::Failure;
use crate::setting::Setting;
use crate::simplex::{Fit, simplex};

/// Sun zenith angles from which the search starts, degrees.
const ZENITHS_DEG: [f64; 6] = [22.0, 36.0, 48.0, 60.0, 70.0, 76.0];

/// Optical depths and columns of water (cm) of which the best is the start at each zenith angle.
const AOTS: [f64; 3] = [0.03, 0.1, 0.3];
const COLUMNS_CM: [f64; 3] = [0.4, 1.0, 2.5];

/// Sun azimuth where it has no influence, degrees.
const USUAL_AZIMUTH_DEG: f64 = 150.0;

/// Optical depth and column of water (cm) of starts that do not begin at the fit for flat ground.
const USUAL_AOT: f64 = 0.1;
const USUAL_COLUMN_CM: f64 = 1.5;

/// Size of the first simplex on sloping ground.
const STEPS: [f64; 4] = [2.0, 0.03, 0.2, 25.0];

/// A value of the misfit and where it was found.
pub(crate) type Found = (f64, Fit);

fn better(best: &mut Option<Found>, found: Found) {
    if best.as_ref().is_none_or(|(least, _)| found.0 < *least) {
        *best = Some(found);
    }
}

/// Flat ground: for each of some sun zenith angles the best of a coarse grid, then a simplex; from the best of these a finer one, which at the
/// end looks at the pixels.
pub(crate) fn flat(setting: &Setting<'_>) -> Result<Found, Failure> {
    let azimuth = setting.chip.sun_azimuth_deg.unwrap_or(USUAL_AZIMUTH_DEG);
    let moments = setting.moments();
    let misfit = |fit: &Fit| setting.quick_misfit(fit, &moments);
    let mut best = None;
    for zenith in ZENITHS_DEG {
        let mut start = None;
        for aot in AOTS {
            for water in COLUMNS_CM {
                let fit = Fit([zenith, aot, water, azimuth]);
                better(&mut start, (misfit(&fit)?, fit));
            }
        }
        let (_, start) = start.ok_or("nothing was tried")?;
        better(&mut best, simplex(&misfit, start, &[3.0, 0.05, 0.4], 50)?);
    }
    let (_, start) = best.ok_or("nothing was tried")?;
    let (_, start) = simplex(&misfit, start, &[1.0, 0.02, 0.15], 200)?;
    simplex(&|fit| setting.misfit(fit), start, &[0.3, 0.005, 0.05], 30)
}

/// Sloping ground. All around the horizon the azimuth is tried for which the slopes fit best, since that of the tile that a chip names may be
/// another day's: with the fit for flat ground and, since slopes that are taken for level may lead it astray, with other sun zenith angles. The
/// best azimuth of each and the named one are followed with all four unknowns.
pub(crate) fn sloping(setting: &Setting<'_>, flat: Fit) -> Result<Found, Failure> {
    let misfit = |fit: &Fit| setting.misfit(fit);
    let elsewhere = ZENITHS_DEG.map(|zenith| Fit([zenith, USUAL_AOT, USUAL_COLUMN_CM, flat.0[3]]));
    let mut starts = Vec::new();
    for start in std::iter::once(flat).chain(elsewhere) {
        let mut best = None;
        for azimuth in (0..12).map(|i| 30.0 * f64::from(i)) {
            let fit = start.with_azimuth(azimuth);
            better(&mut best, (misfit(&fit)?, fit));
        }
        starts.extend(best);
    }
    if let Some(azimuth) = setting.chip.sun_azimuth_deg {
        starts.push((f64::NAN, flat.with_azimuth(azimuth)));
    }
    let mut best = None;
    for (_, start) in starts {
        better(&mut best, simplex(&misfit, start, &STEPS, 45)?);
    }
    let (_, start) = best.ok_or("nothing was tried")?;
    simplex(&misfit, start, &[1.0, 0.02, 0.15, 10.0], 45)
}
