//! Passes that bypass the arithmetic coder (ITU-T T.800 D.6): the decisions of the significance and refinement passes as
//! plain bits.

use super::bitmaps::{Around, Maps, later};
use super::decode::BlockDecoder;
use super::encode::BlockEncoder;
use crate::mq::{RawReader, RawWriter};

/// Significance propagation pass.
pub(super) fn decode_significance(block: &mut BlockDecoder, bits: &mut RawReader<'_>, plane: u32) {
    let BlockDecoder { maps: Maps { shape, significant, negative, chunks }, coefficients, .. } = block;
    let (value, stride) = (3 << (plane - 1), shape.stride());
    for (chunk, coefficients) in chunks.iter_mut().zip(coefficients.iter_mut()) {
        let at = chunk.at;
        let around = Around::load(significant, at, stride);
        let mut known = around.center();
        (chunk.refined, chunk.members, chunk.visited) = (chunk.members, known, 0);
        let mut candidates = around.dilated() & !known & chunk.inside;
        while candidates != 0 {
            let position = candidates.trailing_zeros();
            chunk.visited |= 1 << position;
            candidates &= candidates - 1;
            if bits.bit() != 0 {
                let sign = bits.bit();
                known |= 1 << position;
                negative[at] |= sign << position;
                coefficients[position as usize & 63] = value | (sign as u32) << 31;
                candidates |= later(position) & !known & chunk.inside;
            }
        }
        significant[at] = known;
    }
}

/// Magnitude refinement pass.
pub(super) fn decode_refinement(block: &mut BlockDecoder, bits: &mut RawReader<'_>, plane: u32) {
    let half = 1u32 << (plane - 1);
    for (chunk, coefficients) in block.maps.chunks.iter().zip(block.coefficients.iter_mut()) {
        let mut members = chunk.members;
        while members != 0 {
            let position = members.trailing_zeros() as usize & 63;
            members &= members - 1;
            let bit = bits.bit() as u32;
            coefficients[position] = coefficients[position].wrapping_add((bit << plane).wrapping_sub(half));
        }
    }
}

/// Significance propagation pass; `plane` counts from 0 for the lowest.
pub(super) fn encode_significance(block: &mut BlockEncoder, bits: &mut RawWriter<'_>, plane: usize) {
    let words = block.plane(plane);
    let BlockEncoder { maps: Maps { shape, significant, negative, chunks }, planes, signs, .. } = block;
    let (planes, stride) = (&planes[words], shape.stride());
    for (chunk, (&ones, &signs)) in chunks.iter_mut().zip(planes.iter().zip(signs.iter())) {
        let at = chunk.at;
        let around = Around::load(significant, at, stride);
        let mut known = around.center();
        (chunk.refined, chunk.members, chunk.visited) = (chunk.members, known, 0);
        let mut candidates = around.dilated() & !known & chunk.inside;
        while candidates != 0 {
            let position = candidates.trailing_zeros();
            chunk.visited |= 1 << position;
            candidates &= candidates - 1;
            let one = ones >> position & 1;
            bits.put(one as u32);
            if one != 0 {
                bits.put((signs >> position) as u32 & 1);
                known |= 1 << position;
                candidates |= later(position) & !known & chunk.inside;
            }
        }
        significant[at] = known;
        negative[at] = known & signs;
    }
}

/// Magnitude refinement pass.
pub(super) fn encode_refinement(block: &BlockEncoder, bits: &mut RawWriter<'_>, plane: usize) {
    for (chunk, ones) in block.maps.chunks.iter().zip(&block.planes[block.plane(plane)]) {
        let mut members = chunk.members;
        while members != 0 {
            let position = members.trailing_zeros();
            members &= members - 1;
            bits.put((ones >> position) as u32 & 1);
        }
    }
}
