//! Lifting steps on rows of samples. Sums wrap: coefficients of damaged streams may be anything.

use crate::isa::{Level, versions};

/// Low-pass sample from the stored one and the high-pass samples before and behind (F-5).
#[inline(always)]
fn undo_update(low: i32, before: i32, behind: i32) -> i32 {
    low.wrapping_sub(before.wrapping_add(behind).wrapping_add(2) >> 2)
}

/// High-pass sample from the stored one and the low-pass samples before and behind (F-6).
#[inline(always)]
fn undo_predict(high: i32, before: i32, behind: i32) -> i32 {
    high.wrapping_add(before.wrapping_add(behind) >> 1)
}

/// F-10.
#[inline(always)]
fn update(even: i32, before: i32, behind: i32) -> i32 {
    even.wrapping_add(before.wrapping_add(behind).wrapping_add(2) >> 2)
}

/// F-9.
#[inline(always)]
fn predict(odd: i32, before: i32, behind: i32) -> i32 {
    odd.wrapping_sub(before.wrapping_add(behind) >> 1)
}

/// Applies `f` to samples at the same place of three rows.
#[inline(always)]
fn each(out: &mut [i32], a: &[i32], b: &[i32], c: &[i32], f: impl Fn(i32, i32, i32) -> i32) {
    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = f(a, b, c);
    }
}

versions! {
    /// Even row from its low-pass row and the high-pass rows above and below.
    pub(super) fn even_row(out: &mut [i32], low: &[i32], above: &[i32], below: &[i32]) = even_row_body
}

#[inline(always)]
fn even_row_body<L: Level>(_: L, out: &mut [i32], low: &[i32], above: &[i32], below: &[i32]) {
    each(out, low, above, below, undo_update);
}

versions! {
    /// Odd row from its high-pass row and the even rows above and below.
    pub(super) fn odd_row(out: &mut [i32], high: &[i32], above: &[i32], below: &[i32]) = odd_row_body
}

#[inline(always)]
fn odd_row_body<L: Level>(_: L, out: &mut [i32], high: &[i32], above: &[i32], below: &[i32]) {
    each(out, high, above, below, undo_predict);
}

versions! {
    /// Low-pass row from an even row and the high-pass rows above and below.
    pub(super) fn low_row(out: &mut [i32], even: &[i32], above: &[i32], below: &[i32]) = low_row_body
}

#[inline(always)]
fn low_row_body<L: Level>(_: L, out: &mut [i32], even: &[i32], above: &[i32], below: &[i32]) {
    each(out, even, above, below, update);
}

versions! {
    /// High-pass row from an odd row and the even rows above and below.
    pub(super) fn high_row(out: &mut [i32], odd: &[i32], above: &[i32], below: &[i32]) = high_row_body
}

#[inline(always)]
fn high_row_body<L: Level>(_: L, out: &mut [i32], odd: &[i32], above: &[i32], below: &[i32]) {
    each(out, odd, above, below, predict);
}

versions! {
    /// A row from its low-pass and high-pass halves. `low` may be changed. The first sample is a high-pass one if
    /// `high_first`.
    pub(super) fn join(out: &mut [i32], low: &mut [i32], high: &[i32], high_first: bool) = join_body
}

#[inline(always)]
fn join_body<L: Level>(_: L, out: &mut [i32], low: &mut [i32], high: &[i32], high_first: bool) {
    if out.len() == 1 {
        // A single sample was not filtered, but doubled at an odd place (F.3.6). Damaged streams may have it odd; OpenJPEG
        // rounds towards zero.
        out[0] = if high_first { high[0] / 2 } else { low[0] };
        return;
    }
    let (l, h) = (low.len(), high.len());
    if high_first {
        // h0 l0 h1 l1 ...
        for ((low, &before), &behind) in low.iter_mut().zip(high).zip(&high[1..]) {
            *low = undo_update(*low, before, behind);
        }
        if l == h {
            low[l - 1] = undo_update(low[l - 1], high[h - 1], high[h - 1]);
        }
        out[0] = undo_predict(high[0], low[0], low[0]);
        interleave(&mut out[1..], low, &high[1..]);
    } else {
        // l0 h0 l1 h1 ...
        low[0] = undo_update(low[0], high[0], high[0]);
        for ((low, &before), &behind) in low[1..].iter_mut().zip(high).zip(&high[1..]) {
            *low = undo_update(*low, before, behind);
        }
        if l > h {
            low[l - 1] = undo_update(low[l - 1], high[h - 1], high[h - 1]);
        }
        interleave(out, low, high);
    }
}

/// Writes low-pass samples and between them what follows from them and the high-pass samples. Begins with a low-pass one.
#[inline(always)]
fn interleave(out: &mut [i32], low: &[i32], high: &[i32]) {
    let mut pairs = out.chunks_exact_mut(2);
    for (((pair, &before), &behind), &high) in (&mut pairs).zip(low).zip(&low[1..]).zip(high) {
        pair[0] = before;
        pair[1] = undo_predict(high, before, behind);
    }
    let done = low.len() - 1;
    let rest = &mut out[2 * done..];
    rest[0] = low[done];
    if let (Some(last), Some(&high)) = (rest.get_mut(1), high.get(done)) {
        *last = undo_predict(high, low[done], low[done]);
    }
}

versions! {
    /// Low-pass and high-pass halves of a row.
    pub(super) fn split(line: &[i32], low: &mut [i32], high: &mut [i32], high_first: bool) = split_body
}

#[inline(always)]
fn split_body<L: Level>(_: L, line: &[i32], low: &mut [i32], high: &mut [i32], high_first: bool) {
    if line.len() == 1 {
        if high_first {
            high[0] = line[0].wrapping_mul(2);
        } else {
            low[0] = line[0];
        }
        return;
    }
    let (l, h) = (low.len(), high.len());
    if high_first {
        high[0] = predict(line[0], line[1], line[1]);
        separate(&line[1..], low, &mut high[1..]);
        for ((low, &before), &behind) in low.iter_mut().zip(&*high).zip(&high[1..]) {
            *low = update(*low, before, behind);
        }
        if l == h {
            low[l - 1] = update(low[l - 1], high[h - 1], high[h - 1]);
        }
    } else {
        separate(line, low, high);
        low[0] = update(low[0], high[0], high[0]);
        for ((low, &before), &behind) in low[1..].iter_mut().zip(&*high).zip(&high[1..]) {
            *low = update(*low, before, behind);
        }
        if l > h {
            low[l - 1] = update(low[l - 1], high[h - 1], high[h - 1]);
        }
    }
}

/// Even samples to `low`, high-pass samples to `high`; `line` begins with an even sample.
#[inline(always)]
fn separate(line: &[i32], low: &mut [i32], high: &mut [i32]) {
    let done = low.len() - 1;
    for (low, pair) in low.iter_mut().zip(line.chunks_exact(2)) {
        *low = pair[0];
    }
    let next = line.get(2..).unwrap_or_default().chunks(2);
    for ((high, pair), next) in high[..done].iter_mut().zip(line.chunks_exact(2)).zip(next) {
        *high = predict(pair[1], pair[0], next[0]);
    }
    low[done] = line[2 * done];
    if let (Some(last), Some(&odd)) = (high.get_mut(done), line.get(2 * done + 1)) {
        *last = predict(odd, low[done], low[done]);
    }
}
