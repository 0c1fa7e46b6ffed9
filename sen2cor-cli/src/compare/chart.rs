//! The picture of a comparison: run time by strategy and number of workers, with the time of each stage in it.
//!
//! A bar is the wall time of a run. Its parts are the CPU time of the stages, divided by the number of workers, which is
//! the time that all workers together gave to the stage; what is left of the bar is waiting, start and end.

use super::draw::{Anchor, Picture, Shape};
use super::result::{Comparison, Median};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 96.0;

const INK: &str = "#222222";
const SOFT: &str = "#666666";
const GRID: &str = "#dddddd";
const REST: &str = "#e4e4e4";

/// Colours that people with any kind of colour vision tell apart (Okabe and Ito), and darker or lighter ones of them.
const COLOURS: [&str; 12] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#5d4a9c", "#8c6d31",
    "#7fc9b0", "#a85a7c", "#999999",
];

/// Parts smaller than this share of the largest bar are put together.
const SMALL: f64 = 0.004;

/// Draws a comparison.
pub(crate) fn chart(comparison: &Comparison) -> Picture {
    let mut picture = Picture::new(WIDTH, HEIGHT);
    let longest = comparison.medians.iter().map(|m| m.wall_s).fold(0.0, f64::max).max(1e-9);
    let axis = Axis::up_to(longest * 1.06);
    let stages = stage_names(comparison, longest);
    title(&mut picture, comparison);
    grid(&mut picture, &axis);
    bars(&mut picture, comparison, &axis, &stages);
    legend(&mut picture, &stages);
    picture
}

/// The scale of the run time.
struct Axis {
    top: f64,
    step: f64,
}

impl Axis {
    fn up_to(longest: f64) -> Self {
        let power = 10f64.powf((longest / 5.0).log10().floor());
        let fits = |factor: &&f64| longest / (power * **factor) <= 6.0;
        let step = power * [1.0, 2.0, 5.0, 10.0].iter().find(fits).copied().unwrap_or(10.0);
        Self { top: longest, step }
    }

    fn y(&self, seconds: f64) -> f64 {
        HEIGHT - BOTTOM - seconds / self.top * (HEIGHT - BOTTOM - TOP)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        let (step, top) = (self.step, self.top);
        (0u32..).map(move |n| f64::from(n) * step).take_while(move |mark| *mark <= top)
    }
}

/// Stages that are large enough to be seen, in the order in which they run.
fn stage_names(comparison: &Comparison, longest: f64) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for median in &comparison.medians {
        for stage in &median.stages {
            let seen = stage.cpu_s / median.workers as f64 >= SMALL * longest;
            if seen && !names.contains(&stage.name) && names.len() < COLOURS.len() {
                names.push(stage.name.clone());
            }
        }
    }
    names
}

fn title(picture: &mut Picture, comparison: &Comparison) {
    picture.text((LEFT, 30.0), 20.0, Anchor::Start, INK, "Run time by strategy and number of workers");
    let setting = &comparison.setting;
    let repeats = comparison.medians.iter().map(|m| m.runs).max().unwrap_or(0);
    let verdict = if comparison.identical { "identical products" } else { "PRODUCTS DIFFER" };
    let line = format!(
        "{}, {} processors, median of {repeats}, {verdict}",
        shortened(&setting.input),
        setting.processors
    );
    picture.text((LEFT, 52.0), 13.0, Anchor::Start, SOFT, &line);
}

fn shortened(name: &str) -> String {
    name.strip_suffix(".SAFE").unwrap_or(name).chars().take(64).collect()
}

fn grid(picture: &mut Picture, axis: &Axis) {
    for mark in axis.marks() {
        let y = axis.y(mark);
        let colour = if mark == 0.0 { INK } else { GRID };
        picture.add(Shape::rectangle(LEFT, y, WIDTH - RIGHT - LEFT, 1.0, colour));
        let digits = usize::from(axis.step < 1.0) + usize::from(axis.step < 0.1);
        picture.text((LEFT - 8.0, y + 5.0), 13.0, Anchor::End, INK, &format!("{mark:.digits$}"));
    }
    picture.text((14.0, TOP - 8.0), 13.0, Anchor::Start, SOFT, "seconds");
}

fn bars(picture: &mut Picture, comparison: &Comparison, axis: &Axis, stages: &[String]) {
    let mut counts: Vec<usize> = comparison.medians.iter().map(|m| m.workers).collect();
    counts.sort_unstable();
    counts.dedup();
    let groups: Vec<Vec<&Median>> = counts
        .iter()
        .map(|&count| comparison.medians.iter().filter(|m| m.workers == count).collect())
        .collect();
    let columns: f64 = groups.iter().map(|group| group.len() as f64 + 0.7).sum();
    let column = ((WIDTH - RIGHT - LEFT) / columns).min(90.0);
    let mut x = LEFT + 0.35 * column;
    for (group, count) in groups.iter().zip(&counts) {
        let middle = x + group.len() as f64 * column / 2.0;
        let noun = if *count == 1 { "worker" } else { "workers" };
        picture.text((middle, HEIGHT - 22.0), 15.0, Anchor::Middle, INK, &format!("{count} {noun}"));
        for median in group {
            bar(picture, (x, column), median, axis, stages);
            x += column;
        }
        x += 0.7 * column;
    }
}

fn bar(picture: &mut Picture, (x, column): (f64, f64), median: &Median, axis: &Axis, stages: &[String]) {
    let (left, width) = (x + 0.1 * column, 0.8 * column);
    let mut part = |from: f64, to: f64, colour: &str| {
        let (top, bottom) = (axis.y(to), axis.y(from));
        picture.add(Shape::rectangle(left, top, width, bottom - top, colour));
    };
    let share = |name: &str| {
        let stage = median.stages.iter().find(|s| s.name == name);
        stage.map_or(0.0, |stage| stage.cpu_s / median.workers as f64)
    };
    part(0.0, median.wall_s, REST);
    let mut from = 0.0;
    for (stage, colour) in stages.iter().zip(COLOURS) {
        let to = (from + share(stage)).min(median.wall_s);
        part(from, to, colour);
        from = to;
    }
    let middle = left + width / 2.0;
    picture.text((middle, axis.y(median.wall_s) - 6.0), 13.0, Anchor::Middle, INK, &seconds(median.wall_s));
    let speed_up = format!("x {:.2}", median.speed_up);
    picture.text((middle, HEIGHT - BOTTOM + 34.0), 12.0, Anchor::Middle, SOFT, &speed_up);
    let name = if column < 64.0 {
        median.executor.name().get(..3).unwrap_or_default()
    } else {
        median.executor.name()
    };
    picture.text((middle, HEIGHT - BOTTOM + 18.0), 12.0, Anchor::Middle, INK, name);
}

fn seconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

fn legend(picture: &mut Picture, stages: &[String]) {
    let x = WIDTH - RIGHT + 20.0;
    let mut y = TOP + 4.0;
    let mut entry = |colour: &str, name: &str| {
        picture.add(Shape::rectangle(x, y, 14.0, 14.0, colour));
        picture.text((x + 22.0, y + 12.0), 13.0, Anchor::Start, INK, name);
        y += 22.0;
    };
    entry(REST, "waiting, start, end");
    // The last one of a bar is on top of it.
    for (stage, colour) in stages.iter().zip(COLOURS).rev() {
        entry(colour, stage);
    }
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::comparison;
    use super::*;

    #[test]
    fn bars_are_as_high_as_runs_are_long() {
        let picture = chart(&comparison());
        let rest: Vec<f64> = picture.heights_of(REST);
        // The first is that of the legend's or of the longest bar; all bars have one.
        let bars: Vec<f64> = rest.into_iter().filter(|h| *h != 14.0).collect();
        assert_eq!(bars.len(), 7);
        // Sequential took 10 s, threads with four workers 3.25 s.
        let highest = bars.iter().copied().fold(0.0, f64::max);
        assert!(bars.iter().any(|h| (h / highest - 3.25 / 10.2).abs() < 1e-9), "{bars:?}");
    }

    #[test]
    fn marks_are_round_numbers() {
        for (longest, marks) in [(10.2, 6), (0.9, 5), (733.0, 4), (3.1, 4)] {
            let axis = Axis::up_to(longest);
            let count = axis.marks().count();
            assert!((marks - 1..=marks + 2).contains(&count), "{longest}: {count} marks of {}", axis.step);
        }
    }
}
