//! Numbers in a file's byte order. Reading past the end gives `None`.

/// In which order the bytes of a number stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl Order {
    /// This machine's own.
    pub const HOST: Self = if cfg!(target_endian = "little") {
        Self::Little
    } else {
        Self::Big
    };

    /// Read `N` numbers of four bytes from a position on.
    #[inline]
    pub fn words<const N: usize>(self, data: &[u8], at: usize) -> Option<[u32; N]> {
        let bytes = data.get(at..at.checked_add(4 * N)?)?;
        let mut words = [0; N];
        for (word, four) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            let four = *four.first_chunk::<4>()?;
            *word = match self {
                Self::Little => u32::from_le_bytes(four),
                Self::Big => u32::from_be_bytes(four),
            };
        }
        Some(words)
    }

    /// Read a number of four bytes.
    #[inline]
    pub fn word(self, data: &[u8], at: usize) -> Option<u32> {
        self.words::<1>(data, at).map(|[word]| word)
    }

    /// Read a number of two bytes.
    pub fn short(self, data: &[u8], at: usize) -> Option<u16> {
        let two = *data.get(at..)?.first_chunk::<2>()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        })
    }

    /// Read a signed number that takes all of `bytes`, which must be eight.
    pub fn signed(self, bytes: &[u8]) -> Option<i64> {
        let eight = <[u8; 8]>::try_from(bytes).ok()?;
        Some(match self {
            Self::Little => i64::from_le_bytes(eight),
            Self::Big => i64::from_be_bytes(eight),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn numbers_are_read_in_both_orders_and_never_past_the_end() {
        let data = [0, 1, 2, 3, 0xff, 0xff, 0xff, 0xfe];
        assert_eq!(
            Order::Little.words(&data, 0),
            Some([0x0302_0100, 0xfeff_ffff])
        );
        assert_eq!(Order::Big.words(&data, 0), Some([0x0001_0203, 0xffff_fffe]));
        assert_eq!(Order::Big.word(&data, 5), None);
        assert_eq!(Order::Big.word(&data, usize::MAX), None);
        assert_eq!(Order::Little.short(&data, 6), Some(0xfeff));
        assert_eq!(Order::Big.short(&data, 7), None);
        assert_eq!(Order::Big.signed(&[0xff; 8]), Some(-1));
        assert_eq!(Order::Little.signed(&data[1..]), None);
    }
}
