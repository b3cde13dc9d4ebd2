//! An interface of a pcapng section: its link type, and what the ticks of its packets' times mean.

use crate::bytes::Order;
use crate::pcapng_section::CorruptBlock;

const SECOND_NS: i64 = 1_000_000_000;
const MICROSECONDS: u8 = 6;
const END_OF_OPTIONS: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// What is needed of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    linktype: u16,
    /// 0: no limit.
    snap_bytes: u32,
    /// The `if_tsresol` that `factor` and `divisor` are from: these are cut to what makes a difference to a time.
    resolution: u8,
    /// A time in nanoseconds is `ticks * factor / divisor + offset_ns`.
    factor: i64,
    divisor: i128,
    offset_ns: i128,
}

impl Interface {
    /// Read the body of an Interface Description Block.
    pub fn read(order: Order, body: &[u8]) -> Result<Self, CorruptBlock> {
        let (Some(linktype), Some(snap_bytes)) = (order.short(body, 0), order.word(body, 4)) else {
            return Err(CorruptBlock::because("its length is too small"));
        };
        let options = Options::read(order, body)?;
        let Some([resolution]) = options
            .resolution
            .map_or(Some([MICROSECONDS]), |value| value.try_into().ok())
        else {
            return Err(CorruptBlock::because("its time resolution makes no sense"));
        };
        let Some(offset_seconds) = options.offset.map_or(Some(0), |value| order.signed(value))
        else {
            return Err(CorruptBlock::because("its time offset makes no sense"));
        };
        let (factor, divisor) = ratio(resolution);
        Ok(Self {
            linktype,
            snap_bytes,
            // A tick a second is the same as a power of ten and of two.
            resolution: if resolution == 0x80 { 0 } else { resolution },
            factor,
            divisor,
            offset_ns: i128::from(offset_seconds) * i128::from(SECOND_NS),
        })
    }

    /// `LINKTYPE_` value.
    pub fn linktype(&self) -> u32 {
        self.linktype.into()
    }

    /// Return how much is captured of a frame.
    pub fn snapped(&self, wire_bytes: u32) -> u32 {
        if self.snap_bytes == 0 {
            wire_bytes
        } else {
            wire_bytes.min(self.snap_bytes)
        }
    }

    /// Return the time that a packet's two words mean; None when it is before 1970 or after 2262.
    #[inline]
    pub fn time_ns(&self, high: u32, low: u32) -> Option<i64> {
        let ticks = u64::from(high) << 32 | u64::from(low);
        let scaled_ticks = i128::from(ticks) * i128::from(self.factor);
        let since_offset_ns = if self.divisor == 1 {
            scaled_ticks
        } else {
            scaled_ticks / self.divisor
        };
        i64::try_from(since_offset_ns + self.offset_ns)
            .ok()
            .filter(|ts_ns| *ts_ns >= 0)
    }
}

/// The options that say what a time means; the first of each counts.
#[derive(Default)]
struct Options<'a> {
    resolution: Option<&'a [u8]>,
    offset: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn read(order: Order, body: &'a [u8]) -> Result<Self, CorruptBlock> {
        let mut found = Self::default();
        let mut rest = body.get(8..).unwrap_or_default();
        while let (Some(code), Some(length)) = (order.short(rest, 0), order.short(rest, 2)) {
            if code == END_OF_OPTIONS {
                break;
            }
            let length = usize::from(length);
            let Some(value) = rest.get(4..4 + length) else {
                return Err(CorruptBlock::because("an option is longer than the block"));
            };
            match code {
                IF_TSRESOL => found.resolution = found.resolution.or(Some(value)),
                IF_TSOFFSET => found.offset = found.offset.or(Some(value)),
                _ => {}
            }
            rest = rest
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        Ok(found)
    }
}

/// Return factor and divisor from `if_tsresol`: ticks a second as a power of ten, or of two.
///
/// A divisor so large that every time is 0 stands as the largest.
fn ratio(resolution: u8) -> (i64, i128) {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 != 0 {
        return (
            SECOND_NS,
            1_i128
                .checked_shl(exponent)
                .filter(|divisor| *divisor > 0)
                .unwrap_or(i128::MAX),
        );
    }
    match 9_u32.checked_sub(exponent) {
        Some(places) => (10_i64.pow(places), 1),
        None => (1, 10_i128.checked_pow(exponent - 9).unwrap_or(i128::MAX)),
    }
}
