//! Probability states of the MQ coder (ITU-T T.800 table C.2).

/// Qe, next state after a more probable symbol, after a less probable one, and whether the latter switches the sense.
const TABLE: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// Bits of [`State`] that hold Qe.
const QE: u64 = 0xFFFF << 48;
/// What becomes of a state after a more probable symbol, and 128 entries later after a less probable one. Side by side the
/// compiler would fetch both into a vector register, from which they come back too late.
static SUCCESSORS: [State; 256] = successors();

/// State of a context: bits 48 to 63 Qe, bits 3 to 9 its index (twice its row in the table and its symbol), bit 0 the more
/// probable symbol. With Qe at the top it can be subtracted from the interval as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(u64);

impl State {
    /// A row of the table with 0 as the more probable symbol.
    pub(crate) const fn initial(row: usize) -> Self {
        Self::new(2 * row)
    }

    /// Row and symbol: `2 * row + symbol`.
    const fn new(index: usize) -> Self {
        Self((TABLE[index / 2].0 as u64) << 48 | (index as u64) << 3 | (index & 1) as u64)
    }

    /// Qe at bits 48 to 63, zeros below.
    #[inline(always)]
    pub(super) const fn qe(self) -> u64 {
        self.0 & QE
    }

    /// Qe as a number.
    #[inline(always)]
    pub(super) const fn qe16(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// The more probable symbol at bit 0; the bits above are something else.
    #[inline(always)]
    pub(super) const fn symbol(self) -> u64 {
        self.0
    }

    /// The state after a symbol that made the coder renormalise.
    #[inline(always)]
    pub(super) fn successor(self, less_probable: bool) -> Self {
        SUCCESSORS[(self.0 >> 3 & 127) as usize + 128 * usize::from(less_probable)]
    }
}

const fn successors() -> [State; 256] {
    let mut table = [State(0); 256];
    let mut index = 0;
    while index < 2 * TABLE.len() {
        let (row, symbol) = (TABLE[index / 2], index & 1);
        let switched = if row.3 { 1 - symbol } else { symbol };
        table[index] = State::new(2 * row.1 as usize + symbol);
        table[128 + index] = State::new(2 * row.2 as usize + switched);
        index += 1;
    }
    table
}
