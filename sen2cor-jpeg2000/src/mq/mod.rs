//! The MQ coder, an adaptive binary arithmetic coder (ITU-T T.800 annex C), and the raw bits that may take its place
//! (D.6).
//!
//! Coder and decoder keep the state of each context as one word that holds its probability and its place in the table,
//! so that a step needs one look-up: the successor.

mod decoder;
mod encoder;
mod raw;
mod states;

pub(crate) use decoder::{MqDecoder, Run};
pub(crate) use encoder::{MqEncoder, MqRegisters};
pub(crate) use raw::{RawPosition, RawReader, RawWriter};
pub(crate) use states::State;

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(decisions: &[(usize, u32)]) -> Vec<u8> {
        let mut states = [State::initial(0); 19];
        let mut bytes = vec![0; 8 + 4 * decisions.len()];
        let mut coder = MqEncoder::new(&mut bytes);
        for &(context, decision) in decisions {
            coder.encode(&mut states[context], decision);
        }
        let end = coder.flush();
        bytes[1..end].to_vec()
    }

    fn noise(count: usize, seed: u64) -> Vec<(usize, u32)> {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            x >> 33
        };
        (0..count).map(|_| (next() as usize % 19, u32::from(next() % 100 < 5 + next() % 60))).collect()
    }

    #[test]
    fn the_sequence_of_the_standard_is_coded() {
        // Test sequence of ITU-T T.88 annex H.2, which uses the same coder: 256 decisions in one context.
        let input: [u8; 32] = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xC0, 0x03, 0x52, 0x87, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA,
            0x82, 0xC0, 0x20, 0x00, 0xFC, 0xD7, 0x9E, 0xF6, 0xBF, 0x7F, 0xED, 0x90, 0x4F, 0x46, 0xA3, 0xBF,
        ];
        let expected: [u8; 28] = [
            0x84, 0xC7, 0x3B, 0xFC, 0xE1, 0xA1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0D, 0xBB, 0x86,
            0xF4, 0x31, 0x7F, 0xFF, 0x88, 0xFF, 0x37, 0x47, 0x1A, 0xDB, 0x6A, 0xDF,
        ];
        let bits: Vec<_> =
            input.iter().flat_map(|b| (0..8).rev().map(move |i| (0, u32::from(b >> i & 1)))).collect();
        assert_eq!(coded(&bits), expected);
        let (mut state, mut decoder) = (State::initial(0), MqDecoder::new(&expected));
        assert!(bits.iter().all(|&(_, bit)| decoder.decode(&mut state) == u64::from(bit)));
    }

    #[test]
    fn decisions_come_back_in_every_form_of_the_step() {
        for count in [0, 1, 2, 7, 40, 1000, 20_000] {
            let decisions = noise(count, count as u64 + 1);
            let bytes = coded(&decisions);
            let mut states = [State::initial(0); 19];
            let mut decoder = MqDecoder::new(&bytes);
            for (i, &(context, decision)) in decisions.iter().enumerate() {
                let state = &mut states[context];
                let found = match i % 3 {
                    0 => decoder.decode(state),
                    1 => decoder.decode_likely(state),
                    _ => {
                        let mut run = Run::start(*state);
                        let bit = decoder.decode_run(&mut run);
                        *state = run.end();
                        bit
                    }
                };
                assert_eq!(found, u64::from(decision), "decision {i} of {count}");
            }
        }
    }

    #[test]
    fn eight_zeros_are_skipped_only_if_they_are_there() {
        let (mut skipped, mut kept) = (0, 0);
        // Rare ones first, then rare zeros, so that the more probable symbol becomes 1.
        let decisions: Vec<_> = (0..40_000u32)
            .map(|i| (0, u32::from((i * i + i / 7) % 53 == 0) ^ u32::from(i > 20_000)))
            .collect();
        let bytes = coded(&decisions);
        let (mut state, mut decoder) = (State::initial(0), MqDecoder::new(&bytes));
        for eight in decisions.chunks_exact(8) {
            if decoder.skip_eight_zeros(state) {
                assert!(eight.iter().all(|decision| decision.1 == 0));
                skipped += 1;
                continue;
            }
            kept += 1;
            for &(_, decision) in eight {
                assert_eq!(decoder.decode_likely(&mut state), u64::from(decision));
            }
        }
        assert!(skipped > 500 && kept > 2500, "{skipped} {kept}");
    }

    #[test]
    fn cut_codes_decode_to_something() {
        let bytes = coded(&noise(3000, 9));
        for len in 0..bytes.len() {
            let mut states = [State::initial(0); 19];
            let mut decoder = MqDecoder::new(&bytes[..len]);
            for i in 0..4000 {
                decoder.decode(&mut states[i % 19]);
            }
        }
    }

    #[test]
    fn raw_bits_come_back() {
        let bits: Vec<u32> = (0..4000).map(|i| u32::from(i % 97 < 60 || i * i % 7 == 3)).collect();
        for count in 0..bits.len() {
            let mut bytes = vec![0; 1000];
            let mut writer = RawWriter::new(&mut bytes, 1);
            bits[..count].iter().for_each(|&bit| writer.put(bit));
            let end = writer.flush();
            let mut reader = RawReader::new(&bytes[1..end]);
            assert!(bits[..count].iter().all(|&bit| reader.bit() == u64::from(bit)), "{count} bits");
        }
    }
}
