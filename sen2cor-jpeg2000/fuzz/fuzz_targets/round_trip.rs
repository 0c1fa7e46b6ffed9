//! Encode, then decode: the identity. `cargo +nightly fuzz run round_trip`, in the folder of the crate.
#![no_main]

#[path = "../bodies/round_trip.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::run(bytes));
