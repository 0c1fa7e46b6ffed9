//! What can be wrong with the arrays of a block.

/// Arrays that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// Bands, state or output planes differ in shape. Shapes are (rows, columns).
    #[error("a plane of {found:?} pixels among planes of {expected:?}")]
    Shape {
        /// Shape of the first plane.
        expected: (usize, usize),
        /// Shape of another one.
        found: (usize, usize),
    },
    /// The block, or what is needed around it, does not lie inside the views.
    #[error("a block of {block:?} pixels at {inner:?} does not lie in a view of {view:?}")]
    Outside {
        /// Shape of the block.
        block: (usize, usize),
        /// Where it begins.
        inner: (usize, usize),
        /// Shape of the views.
        view: (usize, usize),
    },
}

/// Checks that all planes have one shape.
pub(super) fn same_shape(expected: (usize, usize), others: &[(usize, usize)]) -> Result<(), ClassifyError> {
    match others.iter().find(|&&found| found != expected) {
        Some(&found) => Err(ClassifyError::Shape { expected, found }),
        None => Ok(()),
    }
}

/// Checks that a block that begins at `inner` lies inside views of a shape.
pub(super) fn inside(
    block: (usize, usize),
    inner: (usize, usize),
    view: (usize, usize),
) -> Result<(), ClassifyError> {
    let fits = |start: usize, count: usize, end: usize| start.checked_add(count).is_some_and(|n| n <= end);
    if fits(inner.0, block.0, view.0) && fits(inner.1, block.1, view.1) {
        Ok(())
    } else {
        Err(ClassifyError::Outside { block, inner, view })
    }
}
