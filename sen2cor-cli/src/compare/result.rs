//! What a comparison has found: medians, speed-up, the ceiling of the machine, Amdahl's serial share.

use super::measure::{Config, Measured, Stage};
use sen2cor::Strategy;
use serde::Serialize;

/// All of it, as it is written as JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// Whether all runs made the same product, byte for byte.
    pub(crate) identical: bool,
    pub(crate) setting: Setting,
    pub(crate) medians: Vec<Median>,
    pub(crate) ceiling: Option<Ceiling>,
    pub(crate) amdahl: Vec<Amdahl>,
    pub(crate) runs: Vec<Measured>,
}

/// Where it was measured, and on what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Setting {
    pub(crate) input: String,
    pub(crate) version: String,
    pub(crate) processors: usize,
    pub(crate) memory_bytes: Option<u64>,
}

/// The runs of one strategy with one number of workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Median {
    pub(crate) executor: Strategy,
    pub(crate) workers: usize,
    pub(crate) runs: usize,
    pub(crate) wall_s: f64,
    /// Fastest and slowest run.
    pub(crate) wall_range_s: (f64, f64),
    pub(crate) cpu_s: f64,
    pub(crate) cpu_range_s: (f64, f64),
    /// CPU compared with the first one of the list, as the median of the ratios of each round.
    pub(crate) cpu_ratio: f64,
    /// Wall time of the same strategy with the fewest workers, divided by this one's.
    pub(crate) speed_up: f64,
    /// Speed-up per worker.
    pub(crate) efficiency: f64,
    pub(crate) peak_bytes: Option<u64>,
    pub(crate) busy_share: f64,
    pub(crate) stages: Vec<Stage>,
}

/// What two workers can reach at all, measured as two runs with one worker side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ceiling {
    pub(crate) workers: usize,
    pub(crate) speed_up: f64,
    /// How much of it each strategy reaches.
    pub(crate) reached: Vec<(Strategy, f64)>,
}

/// The share of the work that does not become faster with more workers (Amdahl 1967), by least squares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Amdahl {
    pub(crate) executor: Strategy,
    pub(crate) serial_share: f64,
    /// The same from one and two workers, if two are worth as much as the ceiling says and not two.
    pub(crate) serial_share_at_ceiling: Option<f64>,
}

impl Comparison {
    pub(crate) fn new(setting: Setting, runs: Vec<Measured>, pairs_s: &[f64]) -> Self {
        let medians = medians(&runs);
        let ceiling = ceiling(&medians, pairs_s);
        let strategies = Strategy::ALL.into_iter();
        let amdahl = strategies.filter_map(|s| amdahl(s, &medians, ceiling.as_ref())).collect();
        let identical = runs.windows(2).all(|pair| pair[0].product_sha3_256 == pair[1].product_sha3_256);
        Self { identical, setting, medians, ceiling, amdahl, runs }
    }
}

fn medians(runs: &[Measured]) -> Vec<Median> {
    let config = |run: &Measured| Config { strategy: run.executor, workers: run.workers };
    let mut configs: Vec<Config> = runs.iter().map(config).collect();
    configs.sort_unstable();
    configs.dedup();
    let of = |wanted: Config| -> Vec<&Measured> { runs.iter().filter(|run| config(run) == wanted).collect() };
    let Some(&first) = configs.first() else { return Vec::new() };
    let mut medians: Vec<Median> = configs.iter().map(|&c| summarise(c, &of(c), &of(first))).collect();
    for strategy in Strategy::ALL {
        let Some(base) = medians.iter().find(|m| m.executor == strategy).map(|m| m.wall_s) else { continue };
        let fewest = medians.iter().find(|m| m.executor == strategy).map_or(1, |m| m.workers);
        for median in medians.iter_mut().filter(|m| m.executor == strategy) {
            median.speed_up = base / median.wall_s;
            median.efficiency = median.speed_up * fewest as f64 / median.workers as f64;
        }
    }
    medians
}

fn summarise(config: Config, runs: &[&Measured], first: &[&Measured]) -> Median {
    let values = |of: fn(&Measured) -> f64| -> Vec<f64> { runs.iter().map(|run| of(run)).collect() };
    let (wall, cpu) = (values(|run| run.wall_s), values(|run| run.cpu_s));
    // Runs of the same round stand beside each other in time.
    let ratios: Vec<f64> = runs.iter().zip(first).map(|(run, first)| run.cpu_s / first.cpu_s).collect();
    let names = runs.first().map(|run| run.stages.iter().map(|s| s.name.clone()).collect::<Vec<_>>());
    let stages = names.unwrap_or_default().into_iter().map(|name| {
        let of_stage = |of: fn(&Stage) -> f64| -> Vec<f64> {
            runs.iter().filter_map(|run| run.stages.iter().find(|s| s.name == name)).map(of).collect()
        };
        let (cpu_s, wall_s) = (median(&of_stage(|s| s.cpu_s)), median(&of_stage(|s| s.wall_s)));
        Stage { name, cpu_s, wall_s }
    });
    Median {
        executor: config.strategy,
        workers: config.workers,
        runs: runs.len(),
        wall_s: median(&wall),
        wall_range_s: range(&wall),
        cpu_s: median(&cpu),
        cpu_range_s: range(&cpu),
        cpu_ratio: median(&ratios),
        speed_up: 1.0,
        efficiency: 1.0,
        peak_bytes: runs.iter().filter_map(|run| run.peak_bytes).max(),
        busy_share: median(&values(|run| run.busy_share)),
        stages: stages.collect(),
    }
}

fn ceiling(medians: &[Median], pairs_s: &[f64]) -> Option<Ceiling> {
    if pairs_s.is_empty() {
        return None;
    }
    // The strategy of the pairs is the last one with one worker.
    let alone = medians.iter().rev().find(|m| m.workers == 1)?;
    let speed_up = 2.0 * alone.wall_s / median(pairs_s);
    let of_two = medians.iter().filter(|m| m.workers == 2);
    let reached = of_two.map(|m| (m.executor, m.speed_up / speed_up)).collect();
    Some(Ceiling { workers: 2, speed_up, reached })
}

fn amdahl(strategy: Strategy, medians: &[Median], ceiling: Option<&Ceiling>) -> Option<Amdahl> {
    let of: Vec<&Median> = medians.iter().filter(|m| m.executor == strategy).collect();
    let one = of.iter().find(|m| m.workers == 1)?.wall_s;
    let times: Vec<(f64, f64)> = of.iter().map(|m| (m.workers as f64, m.wall_s / one)).collect();
    let serial_share = serial_share(&times)?;
    let two = of.iter().find(|m| m.workers == 2).map(|m| m.wall_s / one);
    let at_ceiling = ceiling.zip(two).and_then(|(c, two)| self::serial_share(&[(c.speed_up, two)]));
    Some(Amdahl { executor: strategy, serial_share, serial_share_at_ceiling: at_ceiling })
}

/// Fits `s` in `T(n) / T(1) = s + (1 - s) / n`; needs a time with more than one worker.
fn serial_share(times: &[(f64, f64)]) -> Option<f64> {
    let terms = times.iter().map(|&(n, time)| (1.0 - 1.0 / n, time - 1.0 / n));
    let (above, below) = terms.fold((0.0, 0.0), |(above, below), (a, y)| (above + a * y, below + a * a));
    (below > 0.0).then(|| above / below)
}

/// The median; 0 of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(&upper), 0) => f64::midpoint(upper, sorted.get(middle - 1).copied().unwrap_or(upper)),
        (Some(&value), _) => value,
        (None, _) => 0.0,
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(0.0, f64::max))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    pub(crate) fn comparison() -> Comparison {
        let run = |executor, workers, wall_s: f64, cpu_s: f64| Measured {
            executor,
            workers,
            wall_s,
            cpu_s,
            peak_bytes: Some(500_000_000),
            busy_share: 0.97,
            stages: ["decode", "classify", "correct", "encode", "write"]
                .iter()
                .zip([0.2, 0.05, 0.1, 0.55, 0.05])
                .map(|(stage, share)| Stage { name: (*stage).to_owned(), cpu_s: cpu_s * share, wall_s })
                .collect(),
            product_sha3_256: "abc".to_owned(),
        };
        let runs = vec![
            run(Strategy::Sequential, 1, 10.0, 9.9),
            run(Strategy::Threads, 1, 10.0, 10.0),
            run(Strategy::Threads, 2, 5.5, 10.1),
            run(Strategy::Threads, 4, 3.25, 10.3),
            run(Strategy::Processes, 1, 10.2, 10.2),
            run(Strategy::Processes, 2, 5.4, 10.3),
            run(Strategy::Processes, 4, 2.9, 10.4),
        ];
        let setting = Setting {
            input: "S2A_MSIL1C_SOMETHING.SAFE".to_owned(),
            version: "0.1.0".to_owned(),
            processors: 4,
            memory_bytes: Some(8 << 30),
        };
        Comparison::new(setting, runs, &[10.6])
    }

    #[test]
    fn a_tenth_that_is_serial_is_found() {
        let found = comparison();
        let threads = found.amdahl.iter().find(|fit| fit.executor == Strategy::Threads).unwrap();
        assert!((threads.serial_share - 0.1).abs() < 1e-12, "{threads:?}");
        assert_eq!(found.amdahl.len(), 2 + usize::from(found.amdahl[0].executor == Strategy::Sequential));
    }

    #[test]
    fn speed_up_is_that_of_the_same_strategy() {
        let found = comparison();
        let of = |strategy, workers| {
            found.medians.iter().find(|m| (m.executor, m.workers) == (strategy, workers)).unwrap()
        };
        assert!((of(Strategy::Processes, 2).speed_up - 10.2 / 5.4).abs() < 1e-12);
        assert!((of(Strategy::Processes, 2).efficiency - 10.2 / 10.8).abs() < 1e-12);
        assert!((of(Strategy::Threads, 2).cpu_ratio - 10.1 / 9.9).abs() < 1e-12);
        let ceiling = found.ceiling.unwrap();
        assert!((ceiling.speed_up - 20.4 / 10.6).abs() < 1e-12);
        assert_eq!(ceiling.reached.len(), 2);
    }

    #[test]
    fn another_product_is_not_identical() {
        let mut runs = comparison().runs;
        assert!(comparison().identical);
        runs[3].product_sha3_256 = "def".to_owned();
        assert!(!Comparison::new(comparison().setting, runs, &[]).identical);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])), (2.0, 2.5, 0.0));
    }
}
