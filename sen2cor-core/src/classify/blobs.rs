//! Clouds over built-up and bare ground that are no clouds: blobs without clouds around them.
//!
//! Source: Sen2Cor 2.8, for built-up ground and then for bare ground of a land cover map. Needs the whole image: what touches
//! along an edge is one blob, however far it reaches. Where two blobs touch at a corner, the original mistakes the
//! difference of their numbers for the number of a third; that is part of the map's equality and kept.

use super::SceneClass::{CloudHigh, CloudMedium, CloudShadow, NotVegetated, ThinCirrus, Unclassified};
use super::Thresholds;
use super::error::{ClassifyError, same_shape};
use super::pixel::OPEN;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::ops::RangeInclusive;

/// Land cover codes of built-up ground and of bare ground.
const COVERS: [RangeInclusive<u8>; 2] = [190..=190, 200..=202];

/// Looks again at open pixels and unsure clouds over built-up and bare ground. `map` is that of the whole image.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn recover_towns(
    mut map: ArrayViewMut2<'_, u8>,
    land_cover: ArrayView2<'_, u8>,
    thresholds: &Thresholds,
) -> Result<(), ClassifyError> {
    same_shape(map.dim(), &[land_cover.dim()])?;
    for cover in COVERS {
        ndarray::Zip::from(&mut map).and(land_cover).for_each(|class, code| {
            *class = if *class == OPEN && cover.contains(code) { NotVegetated.number() } else { *class };
        });
        let unsure = |class: u8| class == Unclassified.number() || class == CloudMedium.number();
        let blobs = Blobs::find(map.dim(), |row, member| {
            let pixels = map.row(row).into_iter().zip(land_cover.row(row));
            member
                .iter_mut()
                .zip(pixels)
                .for_each(|(member, (class, code))| *member = unsure(*class) && cover.contains(code));
        });
        let cloudy = blobs.cloudy(map.view(), thresholds.town_cloud_share_max_percent);
        for run in blobs.runs.iter().filter(|run| !cloudy[run.blob]) {
            map.row_mut(run.row)
                .iter_mut()
                .take(run.end)
                .skip(run.start)
                .for_each(|class| *class = NotVegetated.number());
        }
    }
    Ok(())
}

/// Neighbouring members of a row.
struct Run {
    row: usize,
    start: usize,
    end: usize,
    /// Number of the blob, from 0 on.
    blob: usize,
}

/// Members that touch along edges, numbered in the order of their first pixels.
pub(crate) struct Blobs {
    shape: (usize, usize),
    runs: Vec<Run>,
    /// Index of the first run of each row, and of the end.
    rows: Vec<usize>,
    count: usize,
}

impl Blobs {
    /// Finds the blobs of the members that a function tells row by row.
    pub(crate) fn find(shape: (usize, usize), mut tell: impl FnMut(usize, &mut [bool])) -> Self {
        let mut members = vec![false; shape.1];
        let mut blobs = Self { shape, runs: Vec::new(), rows: vec![0], count: 0 };
        let mut parents: Vec<usize> = Vec::new();
        for row in 0..shape.0 {
            tell(row, &mut members);
            let above = blobs.rows[row.saturating_sub(1)]..blobs.runs.len();
            let mut end = 0;
            for part in members.chunk_by(|a, b| a == b) {
                let start = end;
                end += part.len();
                if part[0] {
                    let run = parents.len();
                    parents.push(run);
                    let touching = above.clone().filter(|&other| blobs.runs[other].row + 1 == row);
                    for other in touching.filter(|&o| blobs.runs[o].start < end && start < blobs.runs[o].end)
                    {
                        unite(&mut parents, other, run);
                    }
                    blobs.runs.push(Run { row, start, end, blob: run });
                }
            }
            blobs.rows.push(blobs.runs.len());
        }
        blobs.number(&mut parents);
        blobs
    }

    /// Number of members of each blob.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.count];
        for run in &self.runs {
            sizes[run.blob] += run.end - run.start;
        }
        sizes
    }

    /// Row, first column and end of the parts of rows that belong to some blobs.
    pub(crate) fn runs_of(
        &self,
        wanted: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = (usize, usize, usize)> {
        self.runs.iter().filter(move |run| wanted(run.blob)).map(|run| (run.row, run.start, run.end))
    }

    fn number(&mut self, parents: &mut [usize]) {
        // A root is the first run of its blob, so the numbers follow the first pixels.
        let mut numbers = vec![0; parents.len()];
        for run in 0..parents.len() {
            let root = root(parents, run);
            if root == run {
                numbers[run] = self.count;
                self.count += 1;
            }
            self.runs[run].blob = numbers[root];
        }
    }

    /// Which blobs have more than a share of clouds around them.
    fn cloudy(&self, map: ArrayView2<'_, u8>, share_max_percent: f32) -> Vec<bool> {
        let mut around = vec![(0u32, 0u32); self.count];
        let (rows, cols) = self.shape;
        for row in 0..rows {
            let near = [row.saturating_sub(1), row, (row + 1).min(rows - 1)];
            if near.iter().all(|&near| self.rows[near] == self.rows[near + 1]) {
                continue;
            }
            let lines = near.map(|near| self.labels(near));
            for col in 0..cols {
                let columns = [col.saturating_sub(1), col, (col + 1).min(cols - 1)];
                let highest = lines.iter().flat_map(|line| columns.map(|c| line[c])).max().unwrap_or(0);
                let ring = highest - lines[1][col];
                if ring > 0 {
                    let (all, clouds) = &mut around[ring as usize - 1];
                    *all += 1;
                    *clouds += u32::from(is_cloud_or_shadow(map[(row, col)]));
                }
            }
        }
        around.iter().map(|&(all, clouds)| clouds as f32 / all as f32 * 100.0 > share_max_percent).collect()
    }

    /// Numbers of the blobs along a row, from 1 on; 0 is none.
    fn labels(&self, row: usize) -> Vec<u32> {
        let mut labels = vec![0; self.shape.1];
        for run in &self.runs[self.rows[row]..self.rows[row + 1]] {
            labels[run.start..run.end].fill(run.blob as u32 + 1);
        }
        labels
    }
}

fn is_cloud_or_shadow(class: u8) -> bool {
    [Unclassified, CloudMedium, CloudHigh, ThinCirrus, CloudShadow]
        .iter()
        .any(|cloud| cloud.number() == class)
}

fn root(parents: &mut [usize], mut run: usize) -> usize {
    while parents[run] != run {
        parents[run] = parents[parents[run]];
        run = parents[run];
    }
    run
}

/// Makes one blob of two; its root is the earlier run.
fn unite(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn towns(map: Array2<u8>, cover: Array2<u8>) -> Array2<u8> {
        let mut map = map;
        recover_towns(map.view_mut(), cover.view(), &Thresholds::default()).unwrap();
        map
    }

    #[test]
    fn unsure_clouds_in_clear_towns_are_bare_ground() {
        let cover = Array2::from_shape_fn((4, 6), |(_, col)| if col < 3 { 190 } else { 201 });
        let map = array![[4, 4, 4, 4, 4, 4], [4, 7, 8, 8, 7, 4], [4, 8, 4, 4, 100, 4], [4, 4, 4, 4, 4, 9]];
        let expected = array![[4, 4, 4, 4, 4, 4], [4, 5, 5, 5, 5, 4], [4, 5, 4, 4, 5, 4], [4, 4, 4, 4, 4, 9]];
        assert_eq!(towns(map, cover), expected);
    }

    #[test]
    fn blobs_with_clouds_around_stay() {
        // Five of the eight neighbours are clouds: 62.5 %. Of two it is 25 %.
        let cover = Array2::from_elem((3, 3), 190);
        let cloudy = array![[9, 9, 9], [9, 7, 9], [4, 4, 4]];
        assert_eq!(towns(cloudy.clone(), cover.clone()), cloudy);
        let clear = array![[9, 4, 4], [3, 7, 4], [4, 4, 4]];
        assert_eq!(towns(clear, cover)[(1, 1)], 5);
    }

    #[test]
    fn blobs_are_numbered_by_their_first_pixels_and_grow_together() {
        let rows = [
            [true, false, true, false, true],
            [true, true, true, false, true],
            [false, false, false, true, false],
        ];
        let blobs = Blobs::find((3, 5), |row, members| members.copy_from_slice(&rows[row]));
        let labels: Vec<Vec<u32>> = (0..3).map(|row| blobs.labels(row)).collect();
        assert_eq!(labels, [vec![1, 0, 1, 0, 2], vec![1, 1, 1, 0, 2], vec![0, 0, 0, 3, 0]]);
        assert_eq!(blobs.count, 3);
    }

    #[test]
    fn corners_that_touch_count_for_a_third_blob() {
        // Blobs 1, 2 and 3 of one pixel each; 2 and 3 touch at a corner, so the pixel of 2 counts as one around 1.
        let map = array![[7u8, 4, 4, 7, 4], [4, 4, 7, 4, 4], [4, 4, 4, 4, 4]];
        let blobs = Blobs::find(map.dim(), |row, members| {
            members.iter_mut().zip(map.row(row)).for_each(|(member, class)| *member = *class == 7);
        });
        assert_eq!(blobs.count, 3);
        // Around 1: the pixel below it and that of blob 2, which is a cloud. Its other neighbours count for 3.
        assert_eq!(blobs.cloudy(map.view(), 49.0), [true, false, false]);
        assert_eq!(blobs.cloudy(map.view(), 51.0), [false, false, false]);
    }
}
