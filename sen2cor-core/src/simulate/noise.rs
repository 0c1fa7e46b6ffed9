//! Smooth random fields that are functions of the position alone.
//!
//! Value noise: a hash gives every node of a lattice a number, and between the nodes the numbers are blended with
//! the weight 3 t^2 - 2 t^3. Nothing depends on which pixels are asked for together, so a scene can be cut in any way.

/// Moves all coordinates to the positive side, where truncation equals the floor.
const LATTICE_SHIFT: f64 = 4096.0;

/// 0 below `low`, 1 above `high`, smooth between; exactly 0 and 1 outside.
#[inline]
pub(super) fn ramp(low: f32, high: f32, x: f32) -> f32 {
    let scale = 1.0 / (high - low);
    let t = ((x - low) * scale).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[inline]
pub(super) fn blend(a: f32, b: f32, weight: f32) -> f32 {
    a + (b - a) * weight
}

/// Mixes the bits of a 32-bit number (the "lowbias32" constants of C. Wellons' hash prospector).
#[inline]
fn scramble(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A number of a layer: different for every layer and seed.
pub(super) fn layer_seed(seed: u64, layer: u32) -> u32 {
    scramble(scramble(seed as u32 ^ 0x9e37_79b9).wrapping_add((seed >> 32) as u32))
        .wrapping_add(scramble(layer))
}

/// Random bits of a place.
#[inline]
pub(super) fn bits_at(seed: u32, row: i64, col: i64) -> u32 {
    scramble(scramble(seed ^ (row as u32).wrapping_mul(0x85eb_ca6b)) ^ (col as u32).wrapping_mul(0xc2b2_ae35))
}

/// A number of 0..1 from random bits.
#[inline]
pub(super) fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// One scale of noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octave {
    seed: u32,
    per_row: f64,
    per_col: f64,
    amplitude: f32,
}

impl Octave {
    /// Noise between 0 and `amplitude` whose lattice has this many cells of 10 m between its nodes, along columns and rows.
    pub(super) fn new(seed: u32, rows_apart: f64, cols_apart: f64, amplitude: f32) -> Self {
        Self { seed, per_row: 1.0 / rows_apart.max(1.0), per_col: 1.0 / cols_apart.max(1.0), amplitude }
    }

    /// Adds the noise of the cells `first_col`.. of a row.
    pub(super) fn add_row(&self, row: i64, first_col: i64, nodes: &mut Vec<f32>, out: &mut [f32]) {
        let (node_row, down) = place(row, self.per_row);
        let (first_node, _) = place(first_col, self.per_col);
        let (last_node, _) = place(first_col + out.len() as i64, self.per_col);
        let weight = down * down * (3.0 - 2.0 * down);
        nodes.clear();
        nodes.extend((first_node..=last_node + 1).map(|node_col| {
            let upper = unit(bits_at(self.seed, node_row, node_col));
            let lower = unit(bits_at(self.seed, node_row + 1, node_col));
            self.amplitude * blend(upper, lower, weight)
        }));
        let mut col = first_col;
        let mut rest = out;
        for (node, pair) in (first_node..).zip(nodes.windows(2)) {
            let (start, next) = (first_cell(node, self.per_col), first_cell(node + 1, self.per_col));
            let len = ((next - col).max(0) as usize).min(rest.len());
            let (here, later) = std::mem::take(&mut rest).split_at_mut(len);
            // Counted from the first cell of the lattice interval, so that it does not matter where the row is cut.
            let (_, first_t) = place(start, self.per_col);
            let (skipped, step, rise) = ((col - start) as f32, self.per_col as f32, pair[1] - pair[0]);
            for (i, value) in here.iter_mut().enumerate() {
                let t = first_t + (skipped + i as u32 as f32) * step;
                *value += pair[0] + rise * (t * t * (3.0 - 2.0 * t));
            }
            col += len as i64;
            rest = later;
        }
    }
}

/// The first cell whose node is this one.
fn first_cell(node: i64, per_cell: f64) -> i64 {
    let mut cell = ((node as f64 - LATTICE_SHIFT) / per_cell) as i64 - 2;
    while place(cell, per_cell).0 < node {
        cell += 1;
    }
    cell
}

/// The lattice node at or before the centre of a cell, and how far the cell is towards the next one, 0..1.
#[inline]
fn place(cell: i64, per_cell: f64) -> (i64, f32) {
    let x = (cell as f64 + 0.5) * per_cell + LATTICE_SHIFT;
    let node = x as i64;
    (node, (x - node as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(octave: &Octave, row: i64, first_col: i64, len: usize) -> Vec<f32> {
        let mut out = vec![0.0; len];
        octave.add_row(row, first_col, &mut Vec::new(), &mut out);
        out
    }

    #[test]
    fn a_value_does_not_depend_on_its_neighbours() {
        let octave = Octave::new(layer_seed(7, 3), 9.3, 17.1, 0.5);
        for row in [-40, 0, 1, 977] {
            let whole = row_of(&octave, row, -100, 400);
            for start in [0usize, 1, 57, 399] {
                assert_eq!(row_of(&octave, row, start as i64 - 100, 400 - start), whole[start..]);
            }
        }
    }

    #[test]
    fn noise_is_smooth_and_fills_its_range() {
        let octave = Octave::new(layer_seed(1, 1), 10.0, 20.0, 1.0);
        let rows: Vec<Vec<f32>> = (0..200).map(|row| row_of(&octave, row, 0, 2000)).collect();
        let (mut low, mut high) = (1.0f32, 0.0f32);
        for pair in rows.windows(2) {
            for col in 1..2000 {
                let here = pair[0][col];
                assert!((here - pair[0][col - 1]).abs() <= 1.5 / 20.0 + 1e-5);
                assert!((here - pair[1][col]).abs() <= 1.5 / 10.0 + 1e-5);
                (low, high) = (low.min(here), high.max(here));
            }
        }
        assert!(low < 0.05 && high > 0.95, "{low} {high}");
    }

    #[test]
    fn layers_and_seeds_differ() {
        let mut seeds: Vec<u32> =
            (0..50).flat_map(|s| (0..20).map(move |l| layer_seed(s << 30, l))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 1000);
    }
}
