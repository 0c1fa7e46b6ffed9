//! Tests of the whole classification: against a slow one, over every cut into blocks, branch by branch.

mod blocks;
mod branches;
mod equality;
mod late_branches;
mod reference;
mod reference_late;
mod scenes;
mod sensitivity;

/// The scenes of the tests are small. The least area of land is divided by this, so that the steps which need that
/// much land run.
const LAND_SCALE: f64 = 10_000.0;

/// The usual thresholds, but with less land.
fn thresholds() -> super::Thresholds {
    let usual = super::Thresholds::default();
    super::Thresholds { land_area_min_km2: usual.land_area_min_km2 / LAND_SCALE as f32, ..usual }
}
