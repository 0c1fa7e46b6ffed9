//! Progress: a bar with the time left on a terminal, a line for every tenth otherwise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sen2cor::{Event, Observer};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A bar on stderr; invisible if that is no terminal.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let template = "{elapsed_precise} [{bar:40}] {percent:>3} % {msg:24} {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar
}

/// Shows the progress of the flows of a run.
pub(crate) struct Progress {
    bar: ProgressBar,
    done: AtomicUsize,
    all: AtomicUsize,
    started: Instant,
}

impl Progress {
    pub(crate) fn new(bar: ProgressBar) -> Arc<Self> {
        Arc::new(Self { bar, done: AtomicUsize::new(0), all: AtomicUsize::new(0), started: Instant::now() })
    }

    fn unit_done(&self, label: &str) {
        self.bar.set_message(label.to_owned());
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.all.load(Ordering::Relaxed).max(1);
        let tenth = |units: usize| units * 10 / all;
        if self.bar.is_hidden() && tenth(done) > tenth(done - 1) {
            let elapsed_s = self.started.elapsed().as_secs_f64();
            let left_s = elapsed_s * (all - done.min(all)) as f64 / done as f64;
            tracing::info!("{} % done in {elapsed_s:.1} s, about {left_s:.0} s left", done * 100 / all);
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::FlowStarted { units } => {
                self.all.fetch_add(*units, Ordering::Relaxed);
                self.bar.set_length(self.all.load(Ordering::Relaxed) as u64);
            }
            Event::UnitDone { label } => self.unit_done(label),
            Event::Finished { label, cpu_s } => tracing::debug!(cpu_s, "{label} done"),
            _ => {}
        }
    }
}
