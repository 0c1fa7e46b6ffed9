//! Properties of surface reflectance that need no private parts: it rises with the radiance, and every finite radiance gives a number.

use proptest::prelude::*;
use sen2cor_core::dn;
use sen2cor_core::reflectance::{BandCorrection, Model, correct_sample, surface_reflectance};

fn correction(physical: bool, path: f32, transmittance: f32, albedo: f32) -> BandCorrection {
    let model = if physical { Model::Physical } else { Model::Sen2cor };
    BandCorrection {
        path_reflectance: path,
        gain: 1.0 / transmittance,
        spherical_albedo: albedo,
        reference_albedo: model.reference_albedo(),
    }
}

proptest! {
    #[test]
    fn reflectance_rises_with_radiance(
        y in -0.05..1.8f32, path in 0.0..0.3f32, transmittance in 0.3..1.0f32, albedo in 0.0..0.22f32, physical: bool
    ) {
        let c = correction(physical, path, transmittance, albedo);
        let toa = path + y * transmittance;
        prop_assert!(surface_reflectance(toa + 1e-3, &c) > surface_reflectance(toa, &c));
    }

    #[test]
    fn stored_reflectance_does_not_fall_with_the_sample(
        sample in 1u16..16_000, path in 0.0..0.3f32, transmittance in 0.75..1.0f32, albedo in 0.0..0.22f32, physical: bool
    ) {
        let c = correction(physical, path, transmittance, albedo);
        prop_assert!(correct_sample(sample + 1, &c) >= correct_sample(sample, &c));
    }

    #[test]
    fn every_finite_radiance_gives_a_number(
        sample in 1u16.., path in -1e6..1e6f32, gain in 0.0..1e3f32, albedo in 0.0..1.0f32, physical: bool
    ) {
        let c = BandCorrection { gain, ..correction(physical, path, 1.0, albedo) };
        let found = surface_reflectance(dn::to_reflectance(sample), &c);
        let singular = physical && 1.0 + (dn::to_reflectance(sample) - path) * gain * albedo == 0.0;
        prop_assert!(!found.is_nan() || singular);
        prop_assert!(correct_sample(sample, &c) != dn::NO_DATA || singular);
    }
}
