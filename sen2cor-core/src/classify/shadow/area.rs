//! Rectangles of pixels that may reach beyond the image.

/// A rectangle of pixels, counted from the upper left corner of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) row: isize,
    pub(super) col: isize,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl Area {
    /// The rectangle from one row and column up to, but without, another.
    pub(super) fn between(from: (isize, isize), to: (isize, isize)) -> Self {
        let length = |from: isize, to: isize| usize::try_from(to - from).unwrap_or(0);
        Self { row: from.0, col: from.1, rows: length(from.0, to.0), cols: length(from.1, to.1) }
    }

    /// Row and column behind the last ones.
    pub(super) fn end(self) -> (isize, isize) {
        (self.row + self.rows as isize, self.col + self.cols as isize)
    }

    /// With `by` more pixels on each side.
    pub(super) fn grow(self, by: usize) -> Self {
        let (end, by) = (self.end(), by as isize);
        Self::between((self.row - by, self.col - by), (end.0 + by, end.1 + by))
    }

    /// With `by` more columns on the right.
    pub(super) fn widen(self, by: usize) -> Self {
        Self { cols: self.cols + by, ..self }
    }

    /// With `by` pixels less on each side.
    pub(super) fn shrink(self, by: usize) -> Self {
        let (end, by) = (self.end(), by as isize);
        Self::between((self.row + by, self.col + by), (end.0 - by, end.1 - by))
    }

    /// What lies in an image of this shape.
    pub(super) fn inside(self, (rows, cols): (usize, usize)) -> Self {
        let end = self.end();
        let limit = |value: isize, count: usize| value.clamp(0, count as isize);
        Self::between(
            (limit(self.row, rows), limit(self.col, cols)),
            (limit(end.0, rows), limit(end.1, cols)),
        )
    }
}
