//! The table of stages at the end of a run.

use sen2cor::{StageSummary, Totals};
use std::fmt::Write as _;

/// Stages and totals as lines of equal columns.
pub(crate) fn table(stages: &[StageSummary], totals: &Totals) -> String {
    let mut text = format!("{:<12}{:>10}{:>10}{:>12}\n", "stage", "CPU s", "wall s", "MB written");
    for stage in stages {
        let mb = stage.bytes as f64 / 1e6;
        let _ = writeln!(text, "{:<12}{:>10.2}{:>10.2}{mb:>12.1}", stage.stage, stage.cpu_s, stage.wall_s);
    }
    let _ = writeln!(text, "{:<12}{:>10.2}{:>10.2}", "total", totals.cpu_s, totals.wall_s);
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let of_worker = totals.worker_peak_bytes;
    let _ = write!(
        text,
        "peak memory {:.0} MB{}; planes reserved at most {:.0} MB; workers busy {:.1} %",
        mb(totals.peak_bytes),
        of_worker.map_or(String::new(), |bytes| format!(", of one worker at most {:.0} MB", mb(bytes))),
        mb(totals.peak_plane_bytes),
        totals.busy_share * 100.0
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let stage = StageSummary { stage: "decode".to_owned(), cpu_s: 1.5, wall_s: 0.8, bytes: 12_300_000 };
        let totals = Totals {
            cpu_s: 2.0,
            wall_s: 1.0,
            peak_bytes: 1_000_000_000,
            worker_peak_bytes: Some(700_000_000),
            peak_plane_bytes: 500_000_000,
            busy_share: 0.975,
        };
        let text = table(&[stage], &totals);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len());
        assert_eq!(lines[1], "decode            1.50      0.80        12.3");
        assert_eq!(
            lines[3],
            "peak memory 1000 MB, of one worker at most 700 MB; planes reserved at most 500 MB; workers busy 97.5 %"
        );
    }
}
