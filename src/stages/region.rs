//! Figures of a part of a tile, counted on the images of the whole tile; adapters of `sen2cor_core::classify`.
//!
//! The tilings of these stages are those of the part: [`StageBuilder::origin`](sen2cor_exec::StageBuilder::origin).

use super::correct::{Negatives, count_negatives};
use super::water::{MapSum, is_counted};
use sen2cor_core::classify::ClassCounts;
use sen2cor_exec::{Kernel, KernelError, UnitIo};

/// Counts of a class map.
pub(crate) struct CountClasses;

impl Kernel for CountClasses {
    const NAME: &'static str = "region.count-classes/1";
    type Params = ();
    type Partial = ClassCounts;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<ClassCounts, KernelError> {
        Ok(ClassCounts::of_map(io.input(0)?))
    }
}

/// Negative pixels of surface reflectance.
pub(crate) struct CountNegatives;

impl Kernel for CountNegatives {
    const NAME: &'static str = "region.count-negatives/1";
    type Params = ();
    type Partial = Negatives;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<Negatives, KernelError> {
        Ok(count_negatives(&io.input(0)?))
    }
}

/// Sum of a map of the product over clear pixels. Inputs: the map, the class map of the same grid.
pub(crate) struct SumMap;

impl Kernel for SumMap {
    const NAME: &'static str = "region.sum-map/1";
    type Params = ();
    type Partial = MapSum;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<MapSum, KernelError> {
        let (map, class) = (io.input::<u16>(0)?, io.input::<u8>(1)?);
        let mut total = MapSum::default();
        for (&stored, _) in map.iter().zip(&class).filter(|(_, class)| is_counted(**class)) {
            total.count += 1;
            total.sum += u64::from(stored);
        }
        Ok(total)
    }
}
