//! A comparison as tables of text.

use super::result::{Comparison, Median};
use std::fmt::Write as _;

/// All that was found, for people.
pub(crate) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<11}{:>8}{:>9}{:>17}{:>9}{:>11}{:>10}{:>12}{:>9}",
        "executor", "workers", "wall s", "range", "CPU s", "CPU ratio", "speed-up", "efficiency", "peak MB"
    );
    for median in &comparison.medians {
        row(&mut text, median);
    }
    text.push('\n');
    stages(&mut text, &comparison.medians);
    text.push('\n');
    conclusions(&mut text, comparison);
    text
}

fn row(text: &mut String, m: &Median) {
    let range = format!("{:.2} to {:.2}", m.wall_range_s.0, m.wall_range_s.1);
    let peak = m.peak_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6));
    let _ = writeln!(
        text,
        "{:<11}{:>8}{:>9.2}{range:>17}{:>9.2}{:>11.3}{:>10.2}{:>10.1} %{peak:>9}",
        m.executor,
        m.workers,
        m.wall_s,
        m.cpu_s,
        m.cpu_ratio,
        m.speed_up,
        m.efficiency * 100.0
    );
}

/// CPU seconds of each stage.
fn stages(text: &mut String, medians: &[Median]) {
    let _ = write!(text, "{:<12}", "CPU s");
    for m in medians {
        let _ = write!(text, "{:>14}", format!("{} x {}", m.executor, m.workers));
    }
    text.push('\n');
    for stage in medians.first().map(|m| m.stages.as_slice()).unwrap_or_default() {
        let _ = write!(text, "{:<12}", stage.name);
        for m in medians {
            let cpu_s = m.stages.iter().find(|s| s.name == stage.name).map_or(0.0, |s| s.cpu_s);
            let _ = write!(text, "{cpu_s:>14.3}");
        }
        text.push('\n');
    }
    let _ = write!(text, "{:<12}", "busy");
    for m in medians {
        let _ = write!(text, "{:>12.1} %", m.busy_share * 100.0);
    }
    text.push('\n');
}

fn conclusions(text: &mut String, comparison: &Comparison) {
    if let Some(ceiling) = &comparison.ceiling {
        let _ = writeln!(
            text,
            "two runs side by side are {:.2} times as fast as one after the other: the ceiling for 2 workers",
            ceiling.speed_up
        );
        for (strategy, share) in &ceiling.reached {
            let _ = writeln!(text, "  {strategy} reach {:.1} % of it", share * 100.0);
        }
    }
    for amdahl in &comparison.amdahl {
        let _ =
            write!(text, "serial share (Amdahl), {}: {:.2} %", amdahl.executor, amdahl.serial_share * 100.0);
        if let Some(share) = amdahl.serial_share_at_ceiling {
            let _ = write!(text, "; against the ceiling {:.2} %", share * 100.0);
        }
        text.push('\n');
    }
    let runs = comparison.runs.len();
    let verdict = if comparison.identical { "the same bytes" } else { "DIFFERENT BYTES" };
    let _ = writeln!(text, "{runs} products: {verdict}");
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::comparison;
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let text = text(&comparison());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[..8].iter().all(|line| line.len() == lines[0].len()), "{text}");
        assert!(text.contains("serial share (Amdahl), threads: 10.00 %"), "{text}");
        assert!(text.ends_with("7 products: the same bytes\n"));
    }
}
