//! Every cut of an image into blocks gives the bits of the whole image.

use super::equality::input;
use super::scenes::{scene, shaded};
use super::thresholds;
use crate::classify::*;
use crate::grid::Window;
use crate::resample::part;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use proptest::prelude::*;

/// A window with `halo` more pixels on each side, as far as the image reaches.
fn grown(block: Window, halo: usize, image: (usize, usize)) -> Window {
    let (row, col) = (block.row.saturating_sub(halo), block.col.saturating_sub(halo));
    let end = ((block.row + block.rows + halo).min(image.0), (block.col + block.cols + halo).min(image.1));
    Window { row, col, rows: end.0 - row, cols: end.1 - col }
}

fn view<T>(image: &Array2<T>, w: Window) -> ArrayView2<'_, T> {
    part(image, w.row..w.row + w.rows, w.col..w.col + w.cols)
}

fn view_mut<T>(image: &mut Array2<T>, w: Window) -> ArrayViewMut2<'_, T> {
    let mut view = image.view_mut();
    view.slice_axis_inplace(Axis(0), (w.row..w.row + w.rows).into());
    view.slice_axis_inplace(Axis(1), (w.col..w.col + w.cols).into());
    view
}

fn named<const N: usize>(
    bands: &[Array2<u16>],
    names: [crate::sensor::Band; N],
    w: Window,
) -> [ArrayView2<'_, u16>; N] {
    names.map(|name| view(&bands[BANDS.iter().position(|band| *band == name).unwrap()], w))
}

/// All steps without land cover, block by block.
fn by_blocks(bands: &[Array2<u16>], whole: &SceneInput<'_>, blocks: &[Window]) -> SceneMaps {
    let image = bands[0].dim();
    let t = thresholds();
    let line = ShadowLine::new(whole.sun, whole.grid);
    let [mut map, mut clues, mut cloud, mut snow, mut shaded, mut recovered, mut class] =
        [(); 7].map(|()| Array2::<u8>::zeros(image));
    for &block in blocks {
        let w = grown(block, HALO_PX, image);
        let input = DetectInput {
            bands: named(bands, BANDS, w),
            inner: (block.row - w.row, block.col - w.col),
            snow_possible: whole.snow_possible,
            elevation_m: None,
            snow_condition: None,
        };
        let detected = Detected {
            map: view_mut(&mut map, block),
            clues: view_mut(&mut clues, block),
            cloud: view_mut(&mut cloud, block),
            snow: view_mut(&mut snow, block),
        };
        detect_block(&input, &t, detected).unwrap();
    }
    for &block in blocks {
        let w = grown(block, line.reach_px() + SHADOW_MARGIN_PX, image);
        let bands = named(bands, SHADOW_BANDS, w);
        let input = ShadowInput { map: view(&map, w), clues: view(&clues, w), bands, view: w, block, image };
        cast_shadows(&input, &line, &t, view_mut(&mut shaded, block)).unwrap();
    }
    let mut counts = ClassCounts::default();
    for &block in blocks {
        let w = grown(block, HALO_PX, image);
        let input = RecoverInput {
            map: view(&shaded, w),
            bands: named(bands, RECOVERY_BANDS, w),
            inner: (block.row - w.row, block.col - w.col),
            slope_deg: None,
            hillshade: None,
            water_bodies: None,
        };
        recover_block(&input, &t, view_mut(&mut recovered, block)).unwrap();
        counts += finish_block(view(&recovered, block), &[], view_mut(&mut class, block)).unwrap();
    }
    SceneMaps { class, cloud, snow, counts }
}

fn cut(image: (usize, usize), edge: (usize, usize)) -> Vec<Window> {
    let mut blocks = Vec::new();
    for row in (0..image.0).step_by(edge.0) {
        for col in (0..image.1).step_by(edge.1) {
            blocks.push(Window {
                row,
                col,
                rows: edge.0.min(image.0 - row),
                cols: edge.1.min(image.1 - col),
            });
        }
    }
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_cut_gives_the_same(
        seed in any::<u64>(), rows in 1usize..120, cols in 1usize..150, edge_rows in 5usize..70, edge_cols in 5usize..90
    ) {
        for bands in [scene(seed, rows, cols), shaded(seed, rows, cols)] {
            let whole = input(&bands, seed, Ground::default());
            let expected = classify_scene(&whole, &thresholds()).unwrap();
            let found = by_blocks(&bands, &whole, &cut((rows, cols), (edge_rows, edge_cols)));
            prop_assert!(found == expected);
        }
    }
}

#[test]
fn shadows_need_their_halo() {
    let bands = shaded(1, 60, 60);
    let whole = input(&bands, 1, Ground::default());
    let line = ShadowLine::new(whole.sun, whole.grid);
    let block = Window { row: 20, col: 20, rows: 20, cols: 20 };
    let mut out = Array2::zeros((20, 20));
    let mut run = |halo| {
        let w = grown(block, halo, (60, 60));
        let map = Array2::zeros((w.rows, w.cols));
        let bands = named(&bands, SHADOW_BANDS, w);
        let input =
            ShadowInput { map: map.view(), clues: map.view(), bands, view: w, block, image: (60, 60) };
        cast_shadows(&input, &line, &thresholds(), out.view_mut())
    };
    assert!(run(line.reach_px() + SHADOW_MARGIN_PX).is_ok());
    assert!(matches!(run(SHADOW_MARGIN_PX.min(15)), Err(ClassifyError::Outside { .. })));
}
