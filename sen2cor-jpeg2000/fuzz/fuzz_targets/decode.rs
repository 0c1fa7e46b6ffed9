//! Any bytes: errors or samples, no panic. `cargo +nightly fuzz run decode`, in the folder of the crate.
#![no_main]

#[path = "../bodies/decode.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
