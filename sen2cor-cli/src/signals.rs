//! Ctrl-C and SIGTERM: the run ends after the units that are running and leaves nothing half-written. A second signal ends
//! the program at once.

use sen2cor::CancelToken;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What has been asked for by signals.
pub(crate) struct Stop {
    token: CancelToken,
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Begins to listen.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let token = CancelToken::default();
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM] {
            // The order matters: the second signal finds the flag that the first one has set.
            flag::register_conditional_shutdown(number, 128 + number, token.flag())?;
            flag::register(number, token.flag())?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Self { token, signal })
    }

    /// The token that runs look at.
    pub(crate) fn token(&self) -> CancelToken {
        self.token.clone()
    }

    /// The signal that came, if one did.
    pub(crate) fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|&number| number != 0)
    }
}
