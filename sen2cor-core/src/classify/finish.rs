//! The last step: the map becomes the image of classes.
//!
//! Source: Sen2Cor 2.8, whose open pixels become unclassified in the end. It never assigns class 1; here it comes last, over
//! any class but no data (decision 7 in `COMPARE.md`).

use super::error::{ClassifyError, same_shape};
use super::{ClassCounts, SceneClass};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

/// Writes the classes of a block and counts them. A pixel is saturated or defective where any of the `defective` planes
/// is not 0.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn finish_block(
    map: ArrayView2<'_, u8>,
    defective: &[ArrayView2<'_, u8>],
    mut class: ArrayViewMut2<'_, u8>,
) -> Result<ClassCounts, ClassifyError> {
    let others: Vec<_> = defective.iter().map(ArrayView2::dim).collect();
    same_shape(class.dim(), &[map.dim()])?;
    same_shape(class.dim(), &others)?;
    Zip::from(&mut class).and(map).for_each(|class, &map| {
        let known = usize::from(map) < SceneClass::ALL.len();
        *class = if known { map } else { SceneClass::Unclassified.number() };
    });
    for plane in defective {
        Zip::from(&mut class).and(plane).for_each(|class, &defective| {
            let here = (defective != 0) & (*class != SceneClass::NoData.number());
            *class = if here { SceneClass::SaturatedDefective.number() } else { *class };
        });
    }
    Ok(ClassCounts::of_map(class.view()))
}
