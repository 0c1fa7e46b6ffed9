//! Puts a run together step by step.

use crate::error::{Error, Result};
use crate::kernels::KERNELS;
use crate::options::{InvalidOption, Options, RawOptions};
use crate::processor::Processor;
use sen2cor_exec::{CancelToken, Executor, Observer, RunContext, Threads};
use std::path::PathBuf;
use std::sync::Arc;

/// A [`Processor`] in the making; see [`Processor::builder`].
#[derive(Default)]
#[must_use = "nothing happens before `build`"]
pub struct ProcessorBuilder {
    input: Option<PathBuf>,
    output_dir: Option<PathBuf>,
    options: RawOptions,
    executor: Option<Arc<dyn Executor>>,
    workers: Option<usize>,
    context: RunContext,
}

impl Processor {
    /// Begins a run.
    ///
    /// ```no_run
    /// use sen2cor::{Model, Processor};
    ///
    /// let report = Processor::builder()
    ///     .input("S2A_MSIL1C_20240120T105341_N0510_R051_T31TCJ_20240120T125244.SAFE")
    ///     .output_dir("products")
    ///     .configure(|options| {
    ///         options.atmosphere.model = Some(Model::Physical);
    ///         options.atmosphere.ozone_du = Some(320.0);
    ///     })
    ///     .workers(4)
    ///     .build()?
    ///     .run()?;
    /// println!("{}", report.products[0].display());
    /// # Ok::<(), sen2cor::Error>(())
    /// ```
    pub fn builder() -> ProcessorBuilder {
        ProcessorBuilder::default()
    }
}

impl ProcessorBuilder {
    /// The folder of a Level-1C product, its product metadata or a zip archive of it. It must be given.
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(path.into());
        self
    }

    /// The folder in which products are made. Default: the folder that holds the input.
    pub fn output_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.output_dir = Some(folder.into());
        self
    }

    /// Options, instead of all that were set before.
    pub fn options(mut self, options: RawOptions) -> Self {
        self.options = options;
        self
    }

    /// Changes options. They are checked by [`ProcessorBuilder::build`].
    pub fn configure(mut self, change: impl FnOnce(&mut RawOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// How units of work are run; the executor must know [`KERNELS`]. Default: threads.
    pub fn executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Number of threads, if no executor is set. Default: all processors.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count);
        self
    }

    /// Who is told of the progress.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.context.observer = Some(observer);
        self
    }

    /// What can stop the run.
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.context.cancel = token;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// [`Error::Options`] with all problems at once.
    pub fn build(self) -> Result<Processor> {
        let options = Options::try_from(self.options).map_err(Error::Options)?;
        let input = self.input.ok_or_else(|| {
            Error::Options(vec![InvalidOption::Conflict { reason: "no input is given".to_owned() }])
        })?;
        let mut processor = Processor::new(input).with_options(options).with_context(self.context);
        if let Some(folder) = self.output_dir {
            processor = processor.with_output_dir(folder);
        }
        let executor: Option<Arc<dyn Executor>> = match (self.executor, self.workers) {
            (Some(executor), _) => Some(executor),
            (None, Some(count)) => Some(Arc::new(Threads::new(KERNELS, count)?)),
            (None, None) => None,
        };
        Ok(match executor {
            Some(executor) => processor.with_executor(executor),
            None => processor,
        })
    }
}
