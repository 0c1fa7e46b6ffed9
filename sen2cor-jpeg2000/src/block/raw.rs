//! Passes that bypass the arithmetic coder (ITU-T T.800 D.6): the decisions of the significance and refinement passes as
//! plain bits.

use super::decode::BlockDecoder;
use super::encode::BlockEncoder;
use super::pieces::{later, later_than};
use crate::mq::{RawReader, RawWriter};

/// Significance propagation pass.
pub(super) fn decode_significance(block: &mut BlockDecoder, bits: &mut RawReader<'_>, plane: u32) {
    let (maps, ones) = block.plane(plane);
    maps.walk(|n, piece, near, signs| {
        let known = near.own();
        let free = piece.inside & !known;
        let mut candidates = near.dilated() & free;
        piece.visited = candidates;
        while candidates != 0 {
            let place = candidates.trailing_zeros();
            candidates &= candidates - 1;
            if bits.bit() != 0 {
                near.set(place, 1);
                signs.set(place, bits.bit());
                candidates |= later_than(place) & free;
            }
        }
        let found = near.own() & !known;
        ones[n] |= found;
        piece.visited |= later(found) & free;
    });
}

/// Magnitude refinement pass.
pub(super) fn decode_refinement(block: &mut BlockDecoder, bits: &mut RawReader<'_>, plane: u32) {
    let (maps, ones) = block.plane(plane);
    maps.look(|n, piece, around| {
        let mut members = around.own() & !piece.visited;
        piece.refined = members;
        while members != 0 {
            ones[n] |= bits.bit() << members.trailing_zeros();
            members &= members - 1;
        }
    });
}

/// Significance propagation pass; `plane` counts from 0 for the lowest.
pub(super) fn encode_significance(block: &mut BlockEncoder, bits: &mut RawWriter<'_>, plane: usize) {
    let (maps, ones, minus) = block.plane(plane);
    maps.walk(|n, piece, near, signs| {
        let known = near.own();
        let free = piece.inside & !known;
        let mut rest = near.dilated() & free;
        piece.visited = rest;
        while rest != 0 {
            let place = rest.trailing_zeros();
            rest &= rest - 1;
            let one = ones[n] >> place & 1;
            bits.put(one as u32);
            if one != 0 {
                let sign = minus[n] >> place & 1;
                bits.put(sign as u32);
                near.set(place, 1);
                signs.set(place, sign);
                rest |= later_than(place) & free;
            }
        }
        piece.visited |= later(near.own() & !known) & free;
    });
}

/// Magnitude refinement pass.
pub(super) fn encode_refinement(block: &mut BlockEncoder, bits: &mut RawWriter<'_>, plane: usize) {
    let (maps, ones, _) = block.plane(plane);
    maps.look(|n, piece, around| {
        let mut members = around.own() & !piece.visited;
        piece.refined = members;
        while members != 0 {
            let place = members.trailing_zeros();
            members &= members - 1;
            bits.put((ones[n] >> place) as u32 & 1);
        }
    });
}
