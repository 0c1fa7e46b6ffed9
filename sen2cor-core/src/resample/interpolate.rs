//! Interpolation: bands of 60 m on the grid of 20 m.
//!
//! Source: Sen2Cor 2.8, which calls scikit-image: bilinear for B09 and B10, Catmull-Rom cubic for B01, in double precision,
//! columns before rows, on values divided by 65535; then the result is limited to the range of the whole source band and
//! rounded half to even. Two things differ from it (decisions 3 and 26 in `COMPARE.md`): outside the image
//! the edge sample is repeated, where the original sees zeros, and no data is told apart from a value of zero.
//!
//! Positions are taken from integers, so that equal neighbourhoods give equal results wherever they lie in the
//! image. With a factor of 3 the exact results have odd denominators (9 and 27), no tie can occur, and the
//! rounding noise of the original's positions cannot change a number.

use super::{ResampleError, check_shape, line};
use crate::{dn, grid::Window};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// Source pixels that [`bilinear`] needs around the block, as far as the image reaches.
pub const BILINEAR_HALO_PX: usize = 1;

/// Source pixels that [`bicubic`] needs around the block, as far as the image reaches.
pub const BICUBIC_HALO_PX: usize = 2;

/// What makes an integer of a value divided by it, and back.
const SCALE: f64 = 65535.0;

/// Lowest and highest value of a band without bias, in units of 1/10000. No data counts as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueRange {
    /// Lowest value.
    pub min: i32,
    /// Highest value.
    pub max: i32,
}

impl ValueRange {
    /// The range of no pixels; merged with another it is that other.
    pub const EMPTY: Self = Self { min: i32::MAX, max: i32::MIN };

    /// The range of the pixels of both, whatever the order.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The range of a block of biased digital numbers. The range of the band is that of its blocks, merged.
pub fn value_range(samples: ArrayView2<'_, u16>) -> ValueRange {
    samples.rows().into_iter().fold(ValueRange::EMPTY, |range, row| {
        row.iter().fold(range, |range, &sample| {
            let value = dn::to_signed(sample);
            range.merge(ValueRange { min: value, max: value })
        })
    })
}

/// Where the samples at hand and the pixels that are wanted lie in their images. Shapes are (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Row and column, in the whole source image, of the first sample of the view.
    pub source_origin: (usize, usize),
    /// Shape of the whole source image.
    pub source_shape: (usize, usize),
    /// The target pixels that are wanted, counted in the whole target image.
    pub target: Window,
    /// Shape of the whole target image.
    pub target_shape: (usize, usize),
}

/// Interpolates linearly between the four neighbours.
///
/// `source` and `out` hold biased digital numbers; `range` is that of the whole source band. A result is no data where
/// it is not above 0 and a sample that contributes to it is no data. The view must reach [`BILINEAR_HALO_PX`]
/// beyond the target window, as far as the image does.
///
/// # Errors
/// [`ResampleError`] if the view lacks samples or `out` has not the shape of the window.
pub fn bilinear(
    source: ArrayView2<'_, u16>,
    placement: &Placement,
    range: ValueRange,
    out: ArrayViewMut2<'_, u16>,
) -> Result<(), ResampleError> {
    interpolate::<Linear>(source, placement, range, out)
}

/// Interpolates with the Catmull-Rom cubic (a = -1/2) of the sixteen neighbours.
///
/// Arrays, validity and errors as in [`bilinear`]; the view must reach [`BICUBIC_HALO_PX`] beyond the target window.
///
/// # Errors
/// [`ResampleError`] if the view lacks samples or `out` has not the shape of the window.
pub fn bicubic(
    source: ArrayView2<'_, u16>,
    placement: &Placement,
    range: ValueRange,
    out: ArrayViewMut2<'_, u16>,
) -> Result<(), ResampleError> {
    interpolate::<Cubic>(source, placement, range, out)
}

/// An interpolation along one axis.
trait Interpolation {
    /// Which of the four samples around a position take part: those from `FIRST` to `LAST`.
    const FIRST: usize;
    const LAST: usize;

    /// The value at the fraction `x` of the way from `b` to `c` in a row of samples a, b, c, d.
    fn between(samples: [f64; 4], x: f64) -> f64;
}

struct Linear;

impl Interpolation for Linear {
    const FIRST: usize = 1;
    const LAST: usize = 2;

    #[inline]
    fn between([_, b, c, _]: [f64; 4], x: f64) -> f64 {
        (1.0 - x) * b + x * c
    }
}

struct Cubic;

impl Interpolation for Cubic {
    const FIRST: usize = 0;
    const LAST: usize = 3;

    #[inline]
    fn between([a, b, c, d]: [f64; 4], x: f64) -> f64 {
        b + x / 2.0 * (c - a + x * (2.0 * a - 5.0 * b + 4.0 * c - d + x * (3.0 * (b - c) + d - a)))
    }
}

/// The neighbours of a target pixel along one axis, and its place between the second and the third.
#[derive(Clone, Copy)]
struct Taps {
    /// Indices in the view. Edge samples are repeated, and so are others in place of those that do not contribute.
    at: [usize; 4],
    /// Fraction of the way from the second to the third, 0 up to but not including 1.
    x: f64,
}

/// One axis of the placement.
struct Axis {
    origin: usize,
    at_hand: usize,
    source: usize,
    target: usize,
}

impl Axis {
    /// The neighbours of `count` target pixels from `first` on.
    fn taps<I: Interpolation>(&self, first: usize, count: usize) -> Result<Vec<Taps>, ResampleError> {
        (first..first + count).map(|index| self.tap::<I>(index)).collect()
    }

    /// Centre of the target pixel in source pixels: (index + 1/2) source / target - 1/2.
    fn tap<I: Interpolation>(&self, index: usize) -> Result<Taps, ResampleError> {
        let denominator = (2 * self.target as i64).max(1);
        let numerator = (2 * index as i64 + 1) * self.source as i64 - self.target as i64;
        let floor = numerator.div_euclid(denominator);
        let rest = numerator.rem_euclid(denominator);
        let (first, last) = if rest == 0 { (1, 1) } else { (I::FIRST, I::LAST) };
        let mut at = [0; 4];
        for (k, at) in at.iter_mut().enumerate() {
            let k = k.clamp(first, last) as i64;
            let row = (floor - 1 + k).clamp(0, (self.source as i64 - 1).max(0)) as usize;
            if row < self.origin || row >= self.origin + self.at_hand {
                return Err(ResampleError::Halo {
                    from: (floor - 1 + first as i64).max(0) as usize,
                    to: (floor - 1 + last as i64).clamp(0, (self.source as i64 - 1).max(0)) as usize,
                    first: self.origin,
                    count: self.at_hand,
                });
            }
            *at = row - self.origin;
        }
        Ok(Taps { at, x: rest as f64 / denominator as f64 })
    }
}

fn interpolate<I: Interpolation>(
    source: ArrayView2<'_, u16>,
    placement: &Placement,
    range: ValueRange,
    mut out: ArrayViewMut2<'_, u16>,
) -> Result<(), ResampleError> {
    let Placement { source_origin, source_shape, target, target_shape } = *placement;
    check_shape((target.rows, target.cols), out.dim())?;
    let axis = |origin, at_hand, source, target| Axis { origin, at_hand, source, target };
    let rows = axis(source_origin.0, source.nrows(), source_shape.0, target_shape.0)
        .taps::<I>(target.row, target.rows)?;
    let cols = axis(source_origin.1, source.ncols(), source_shape.1, target_shape.1)
        .taps::<I>(target.col, target.cols)?;

    let mut stretched = StretchedRows::<I>::new(source, &cols);
    let mut values = vec![0; cols.len()];
    for (row, mut out) in rows.iter().zip(out.rows_mut()) {
        stretched.hold(row.at);
        values_of_row::<I>(stretched.held(row.at), row.x, range, &mut values);
        for ((out, &value), col) in out.iter_mut().zip(&values).zip(&cols) {
            *out =
                if value > 0 || all_valid(source, row, col) { dn::from_signed(value) } else { dn::NO_DATA };
        }
    }
    Ok(())
}

/// Whether every sample that contributes to the pixel has data.
fn all_valid(source: ArrayView2<'_, u16>, row: &Taps, col: &Taps) -> bool {
    row.at.iter().all(|&row| col.at.iter().all(|&col| source[[row, col]] != dn::NO_DATA))
}

/// Interpolates between four stretched rows and rounds to units of 1/10000.
fn values_of_row<I: Interpolation>(rows: [&[f64]; 4], x: f64, range: ValueRange, values: &mut [i32]) {
    let (min, max) = (f64::from(range.min) / SCALE, f64::from(range.max) / SCALE);
    let [a, b, c, d] = rows.map(|row| &row[..values.len()]);
    for (index, value) in values.iter_mut().enumerate() {
        *value = limited(I::between([a[index], b[index], c[index], d[index]], x), min, max);
    }
}

/// Limits to the range of the band (an exact 0 is left alone, as in the original) and rounds half to even.
#[inline]
fn limited(value: f64, min: f64, max: f64) -> i32 {
    // Above 2^52 doubles have no fraction, so the sum is rounded to an integer, half to even.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    let raised = if value < min { min } else { value };
    let within = if raised > max { max } else { raised };
    let kept = if value == 0.0 { 0.0 } else { within };
    ((SCALE * kept + ROUNDER) - ROUNDER) as i32
}

/// Source rows, interpolated along the columns. Four are held: neighbouring target rows share them.
struct StretchedRows<'a, I> {
    source: ArrayView2<'a, u16>,
    cols: &'a [Taps],
    scaled: Vec<f64>,
    rows: [Vec<f64>; 4],
    which: [Option<usize>; 4],
    method: std::marker::PhantomData<I>,
}

impl<'a, I: Interpolation> StretchedRows<'a, I> {
    fn new(source: ArrayView2<'a, u16>, cols: &'a [Taps]) -> Self {
        let rows = [(); 4].map(|()| vec![0.0; cols.len()]);
        let scaled = vec![0.0; source.ncols()];
        Self { source, cols, scaled, rows, which: [None; 4], method: std::marker::PhantomData }
    }

    /// Makes sure that these rows are there. They are at most four and follow each other, so no two need the same slot.
    fn hold(&mut self, rows: [usize; 4]) {
        for row in rows {
            let slot = row % 4;
            if self.which[slot] == Some(row) {
                continue;
            }
            for (scaled, &sample) in self.scaled.iter_mut().zip(line(self.source, row).iter()) {
                *scaled = f64::from(dn::to_signed(sample)) / SCALE;
            }
            for (out, col) in self.rows[slot].iter_mut().zip(self.cols) {
                *out = I::between(col.at.map(|at| self.scaled[at]), col.x);
            }
            self.which[slot] = Some(row);
        }
    }

    fn held(&self, rows: [usize; 4]) -> [&[f64]; 4] {
        rows.map(|row| self.rows[row % 4].as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::part;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    type Method =
        fn(ArrayView2<'_, u16>, &Placement, ValueRange, ArrayViewMut2<'_, u16>) -> Result<(), ResampleError>;

    fn enlarge(method: Method, source: &Array2<u16>, factor: usize) -> Array2<u16> {
        let (rows, cols) = (source.nrows() * factor, source.ncols() * factor);
        let placement = Placement {
            source_origin: (0, 0),
            source_shape: source.dim(),
            target: Window { row: 0, col: 0, rows, cols },
            target_shape: (rows, cols),
        };
        let mut out = Array2::zeros((rows, cols));
        method(source.view(), &placement, value_range(source.view()), out.view_mut()).unwrap();
        out
    }

    fn sample() -> impl Strategy<Value = u16> {
        prop_oneof![2 => Just(0u16), 3 => 950u16..1050, 5 => 900u16..4000, 1 => any::<u16>()]
    }

    fn image() -> impl Strategy<Value = Array2<u16>> {
        (1usize..8, 1usize..8).prop_flat_map(|(rows, cols)| {
            prop::collection::vec(sample(), rows * cols)
                .prop_map(move |v| Array2::from_shape_vec((rows, cols), v).unwrap())
        })
    }

    /// Weights of a factor of 3 as integers over 9 or, cubic, over 729, from the formulae of the two kernels: at 1/3 of the
    /// way linear 2/3, 1/3; cubic -2/27, 21/27, 9/27, -1/27.
    fn exact_weights(index: usize, cubic: bool) -> [i64; 4] {
        match (index % 3, cubic) {
            (1, false) => [0, 3, 0, 0],
            (1, true) => [0, 27, 0, 0],
            (2, false) => [0, 2, 1, 0],
            (2, true) => [-2, 21, 9, -1],
            (_, false) => [0, 1, 2, 0],
            (_, true) => [-1, 9, 21, -2],
        }
    }

    /// The same in exact integer arithmetic, pixel by pixel over the whole image, for a factor of 3.
    fn exact(source: &Array2<u16>, cubic: bool) -> Array2<u16> {
        let (rows, cols) = source.dim();
        let signed = source.mapv(|v| if v == 0 { 0 } else { i64::from(v) - 1000 });
        let (min, max) = (*signed.iter().min().unwrap(), *signed.iter().max().unwrap());
        Array2::from_shape_fn((rows * 3, cols * 3), |(r, c)| {
            let (wr, wc) = (exact_weights(r, cubic), exact_weights(c, cubic));
            let (mut sum, mut missing) = (0, false);
            for (i, wr) in wr.into_iter().enumerate() {
                for (j, wc) in wc.into_iter().enumerate() {
                    let first = |index: usize| (index as isize - 1).div_euclid(3) - 1;
                    let row = (first(r) + i as isize).clamp(0, rows as isize - 1) as usize;
                    let col = (first(c) + j as isize).clamp(0, cols as isize - 1) as usize;
                    sum += wr * wc * signed[[row, col]];
                    missing |= wr * wc != 0 && source[[row, col]] == 0;
                }
            }
            let one = if cubic { 729 } else { 9 };
            let limited = if sum == 0 { 0 } else { sum.clamp(min * one, max * one) };
            // The denominators are odd, so there are no halves and every rounding to nearest is the same.
            let value = (2 * limited + one).div_euclid(2 * one);
            if value <= 0 && missing { 0 } else { (value + 1000).clamp(1, 65535) as u16 }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn agrees_with_exact_arithmetic(source in image()) {
            prop_assert_eq!(enlarge(bilinear, &source, 3), exact(&source, false));
            prop_assert_eq!(enlarge(bicubic, &source, 3), exact(&source, true));
        }

        #[test]
        fn any_cut_gives_the_same(
            source in image(), factor in 2usize..7, start in (0.0..1.0f64, 0.0..1.0f64), size in (0.0..1.0f64, 0.0..1.0f64)
        ) {
            let (rows, cols) = source.dim();
            let pick = |n: usize, at: f64, part: f64| {
                let first = (at * n as f64) as usize;
                (first, first + 1 + (part * (n - first - 1) as f64) as usize)
            };
            let (r0, r1) = pick(rows, start.0, size.0);
            let (c0, c1) = pick(cols, start.1, size.1);
            let methods: [(Method, usize); 2] = [(bilinear, BILINEAR_HALO_PX), (bicubic, BICUBIC_HALO_PX)];
            for (method, halo) in methods {
                let whole = enlarge(method, &source, factor);
                let origin = (r0.saturating_sub(halo), c0.saturating_sub(halo));
                let view = part(&source, origin.0..(r1 + halo).min(rows), origin.1..(c1 + halo).min(cols));
                let target = Window {
                    row: r0 * factor,
                    col: c0 * factor,
                    rows: (r1 - r0) * factor,
                    cols: (c1 - c0) * factor,
                };
                let placement = Placement {
                    source_origin: origin,
                    source_shape: (rows, cols),
                    target,
                    target_shape: whole.dim(),
                };
                let mut out = Array2::zeros((target.rows, target.cols));
                method(view, &placement, value_range(source.view()), out.view_mut()).unwrap();
                let expected = part(&whole, r0 * factor..r1 * factor, c0 * factor..c1 * factor);
                prop_assert_eq!(out.view(), expected);
            }
        }

        #[test]
        fn a_level_band_stays_level(level in 1u16.., rows in 1usize..6, cols in 1usize..6, factor in 2usize..7) {
            let source = Array2::from_elem((rows, cols), level);
            for method in [bilinear as Method, bicubic] {
                prop_assert!(enlarge(method, &source, factor).iter().all(|&v| v == level));
            }
        }

        #[test]
        fn the_range_is_that_of_the_parts(a in image(), b in image()) {
            let all: Vec<_> = a.iter().chain(&b).copied().collect();
            let all = Array2::from_shape_vec((1, all.len()), all).unwrap();
            let merged = value_range(a.view()).merge(value_range(b.view())).merge(ValueRange::EMPTY);
            prop_assert_eq!(merged, value_range(all.view()));
        }
    }

    fn golden_source() -> Array2<u16> {
        array![
            [1043, 998, 1210, 1500, 0],
            [2011, 5, 1999, 60000, 1003],
            [1, 0, 1000, 1234, 4321],
            [2500, 2600, 2700, 2800, 2900],
        ]
    }

    /// Values without bias of the source above, made with scikit-image 0.26.0 (NumPy 2.4.6):
    /// `warp(s / 65535, m, output_shape=(12, 15), order=1 or 3, mode="edge")`, m = x / 3 - 1/3 for both axes, then
    /// `rint(65535 * result)`.
    #[rustfmt::skip]
    const LINEAR: [[i32; 15]; 12] = [
        [43, 43, 28, 13, -2, 69, 139, 210, 307, 403, 500, 333, 167, 0, 0],
        [43, 43, 28, 13, -2, 69, 139, 210, 307, 403, 500, 333, 167, 0, 0],
        [366, 366, 133, -100, -333, -64, 204, 473, 6982, 13491, 20000, 13334, 6667, 1, 1],
        [688, 688, 238, -213, -664, -197, 269, 736, 13657, 26579, 39500, 26334, 13168, 2, 2],
        [1011, 1011, 342, -326, -995, -330, 334, 999, 20333, 39666, 59000, 39334, 19669, 3, 3],
        [341, 341, 6, -329, -663, -220, 223, 666, 13581, 26496, 39411, 26644, 13876, 1109, 1109],
        [-329, -329, -330, -331, -332, -110, 111, 333, 6830, 13326, 19823, 13953, 8084, 2215, 2215],
        [-999, -999, -666, -333, 0, 0, 0, 0, 78, 156, 234, 1263, 2292, 3321, 3321],
        [-166, -166, 67, 300, 533, 544, 556, 567, 630, 693, 756, 1453, 2150, 2847, 2847],
        [667, 667, 800, 933, 1067, 1089, 1111, 1133, 1182, 1230, 1278, 1643, 2008, 2374, 2374],
        [1500, 1500, 1533, 1567, 1600, 1633, 1667, 1700, 1733, 1767, 1800, 1833, 1867, 1900, 1900],
        [1500, 1500, 1533, 1567, 1600, 1633, 1667, 1700, 1733, 1767, 1800, 1833, 1867, 1900, 1900],
    ];

    #[rustfmt::skip]
    const CUBIC: [[i32; 15]; 12] = [
        [-36, -29, -2, 36, 72, 250, 427, 152, -999, -999, -999, -999, -999, 0, 284],
        [46, 43, 22, -4, -2, 47, 124, 210, 330, 459, 500, 373, 159, 0, -37],
        [459, 404, 156, -175, -333, -870, -999, 481, 7073, 15745, 20010, 15491, 6566, -122, -999],
        [995, 873, 325, -406, -774, -999, -999, 839, 16059, 36120, 46020, 35659, 15137, -244, -999],
        [1160, 1011, 343, -548, -995, -999, -999, 999, 20517, 46259, 59000, 45816, 19632, 3, -999],
        [486, 395, -26, -583, -833, -999, -999, 698, 15854, 35858, 45863, 35927, 15993, 1039, -999],
        [-560, -553, -546, -529, -450, -972, -999, 199, 6663, 15222, 19697, 16029, 8278, 2443, 1165],
        [-999, -999, -703, -296, 0, 65, 20, 0, -45, -64, 234, 1166, 2415, 3321, 3550],
        [-478, -407, -120, 273, 548, 735, 803, 430, -999, -999, -999, -999, 979, 3146, 3650],
        [650, 685, 827, 1022, 1163, 1271, 1326, 1159, 445, -491, -841, -15, 1397, 2444, 2687],
        [1493, 1500, 1526, 1563, 1600, 1633, 1667, 1700, 1733, 1767, 1800, 1837, 1874, 1900, 1907],
        [1683, 1685, 1691, 1701, 1719, 1749, 1789, 1826, 1865, 1902, 1916, 1887, 1834, 1795, 1786],
    ];

    #[test]
    fn agrees_with_scikit_image() {
        let (linear, cubic) = (enlarge(bilinear, &golden_source(), 3), enlarge(bicubic, &golden_source(), 3));
        for (ours, theirs) in [(linear, LINEAR), (cubic, CUBIC)] {
            for ((place, &sample), value) in ours.indexed_iter().zip(theirs.into_iter().flatten()) {
                // Values not above 0 may be no data, which scikit-image does not know.
                if sample == 0 {
                    assert!(value <= 0, "{place:?}");
                } else {
                    assert_eq!(i32::from(sample) - 1000, value, "{place:?}");
                }
            }
        }
    }

    #[test]
    fn no_data_is_where_it_contributes_and_nothing_is_left() {
        let out = enlarge(bilinear, &array![[900u16, 0, 1000, 1600]], 3);
        // The last sample repeats at the edge. Pixel centres (1, 4, 7, 10) see one sample only.
        assert_eq!(out.row(0).to_vec(), [900, 900, 0, 0, 0, 0, 0, 1000, 1200, 1400, 1600, 1600]);
        // The cubic undershoots beside a bright pixel, to the lowest value of the band at most.
        let out = enlarge(bicubic, &array![[1000u16, 1000, 1000, 2000]], 3);
        assert_eq!(out[[0, 5]], 1000);
        let out = enlarge(bicubic, &array![[900u16, 1000, 1000, 2000]], 3);
        // -2/27 of -100 and -1/27 of 1000: -29.6.
        assert_eq!(out[[0, 5]], 970);
    }

    #[test]
    fn halves_go_to_the_even_neighbour_and_zero_is_not_limited() {
        let round = |value: f64| limited(value / 65535.0, -1.0, 1.0);
        assert_eq!([0.5, 1.5, 2.5, -0.5, -1.5, 999.75].map(round), [0, 2, 2, 0, -2, 1000]);
        assert_eq!(limited(0.0, 0.25, 0.5), 0);
        assert_eq!(limited(-0.1, 0.2, 0.4), 13107);
        assert_eq!(limited(0.9, 0.2, 0.4), 26214);
    }

    #[test]
    fn missing_samples_are_an_error_not_a_guess() {
        let source = Array2::from_elem((4, 4), 1500u16);
        let mut placement = Placement {
            source_origin: (3, 3),
            source_shape: (10, 10),
            target: Window { row: 12, col: 12, rows: 6, cols: 6 },
            target_shape: (30, 30),
        };
        let range = value_range(source.view());
        let mut out = Array2::zeros((6, 6));
        assert_eq!(bilinear(source.view(), &placement, range, out.view_mut()), Ok(()));
        let error = bicubic(source.view(), &placement, range, out.view_mut());
        assert_eq!(error, Err(ResampleError::Halo { from: 2, to: 5, first: 3, count: 4 }));
        placement.target.rows = 7;
        assert!(matches!(
            bilinear(source.view(), &placement, range, out.view_mut()),
            Err(ResampleError::Shape { .. })
        ));
    }
}
