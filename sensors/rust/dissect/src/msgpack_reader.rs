//! Reads msgpack values that came from elsewhere, in bounds: nothing is believed before the bytes are there.

use rmp::Marker;
use rmp::decode::{
    read_array_len, read_bool, read_int, read_map_len, read_marker, read_str_from_slice,
};

use crate::wire::Malformed;

/// More maps and lists inside one another are nobody's.
const MAX_NESTING: usize = 16;

const TORN: Malformed = Malformed("msgpack-torn");
const TYPE: Malformed = Malformed("msgpack-type");
const DEEP: Malformed = Malformed("msgpack-nesting");

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of some values.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value as bytes, without a look at what it says.
    pub fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let before = self.rest;
        self.skip()?;
        let used = before.len() - self.rest.len();
        before.get(..used).ok_or(TORN)
    }

    /// The number of fields of a map.
    pub fn map(&mut self) -> Result<u32, Malformed> {
        read_map_len(&mut self.rest).map_err(|_| TYPE)
    }

    /// The number of items of a list: no more than there are bytes left.
    pub fn array(&mut self) -> Result<usize, Malformed> {
        let items = read_array_len(&mut self.rest).map_err(|_| TYPE)? as usize;
        if items > self.rest.len() {
            return Err(TORN);
        }
        Ok(items)
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let (text, rest) = read_str_from_slice(self.rest).map_err(|_| TYPE)?;
        self.rest = rest;
        Ok(text)
    }

    /// A number that fits its type.
    pub fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Malformed> {
        let value: i64 = read_int(&mut self.rest).map_err(|_| TYPE)?;
        T::try_from(value).map_err(|_| Malformed("msgpack-range"))
    }

    /// A count.
    pub fn count(&mut self) -> Result<u64, Malformed> {
        read_int(&mut self.rest).map_err(|_| TYPE)
    }

    /// True or false.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        read_bool(&mut self.rest).map_err(|_| TYPE)
    }

    /// What `read` reads, or none where the value is nil.
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.rest.first() == Some(&Marker::Null.to_u8()) {
            self.rest = self.rest.get(1..).ok_or(TORN)?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// A list of at most so many items, each read by `read`.
    pub fn list<T>(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let items = self.array()?;
        if items > most {
            return Err(Malformed("msgpack-long-list"));
        }
        (0..items).map(|_| read(self)).collect()
    }

    /// Go past the next value, whatever it is.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        let mut open = smallvec::SmallVec::<[u64; MAX_NESTING]>::new();
        open.push(1);
        while let Some(left) = open.last_mut() {
            if *left == 0 {
                open.pop();
                continue;
            }
            *left -= 1;
            let inside = self.one()?;
            if inside > 0 {
                if open.len() >= MAX_NESTING {
                    return Err(DEEP);
                }
                open.push(inside);
            }
        }
        Ok(())
    }

    /// Go past one value, or the head of a map or list; return how many values that has.
    fn one(&mut self) -> Result<u64, Malformed> {
        let marker = read_marker(&mut self.rest).map_err(|_| TORN)?;
        let bytes = match marker {
            Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => {
                0
            }
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(bytes) => usize::from(bytes),
            Marker::Str8 | Marker::Bin8 => self.length(1)?,
            Marker::Str16 | Marker::Bin16 => self.length(2)?,
            Marker::Str32 | Marker::Bin32 => self.length(4)?,
            Marker::FixArray(items) => return Ok(items.into()),
            Marker::Array16 => return Ok(self.length(2)? as u64),
            Marker::Array32 => return Ok(self.length(4)? as u64),
            Marker::FixMap(fields) => return Ok(2 * u64::from(fields)),
            Marker::Map16 => return Ok(2 * self.length(2)? as u64),
            Marker::Map32 => return Ok(2 * self.length(4)? as u64),
            _ => return Err(TYPE), // extensions: nothing here has one
        };
        self.rest = self.rest.get(bytes..).ok_or(TORN)?;
        Ok(0)
    }

    /// A length in so many bytes, the highest first.
    fn length(&mut self, bytes: usize) -> Result<usize, Malformed> {
        let (length, rest) = self.rest.split_at_checked(bytes).ok_or(TORN)?;
        self.rest = rest;
        Ok(length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn skipping_goes_past_whole_values_and_stops_at_torn_ones() {
        // [nil, true, -1, 300, "ab", {"k": [1.5]}, bin]
        let bytes = [
            0x97, 0xc0, 0xc3, 0xff, 0xcd, 0x01, 0x2c, 0xa2, b'a', b'b', 0x81, 0xa1, b'k', 0x91,
            0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc4, 0x02, 1, 2,
        ];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.value().unwrap(), &bytes);
        assert!(reader.is_at_end());
        for cut in 0..bytes.len() {
            assert!(Reader::new(&bytes[..cut]).skip().is_err(), "{cut}");
        }
    }

    #[test]
    fn nesting_and_lists_have_a_bound() {
        assert!(Reader::new(&[0x91; 64]).skip().is_err());
        let mut claims_much = Reader::new(&[0xdd, 0xff, 0xff, 0xff, 0xff, 1]);
        assert!(claims_much.array().is_err());
        let mut long = Reader::new(&[0x93, 1, 2, 3]);
        assert!(long.list(2, Reader::number::<u8>).is_err());
    }

    #[test]
    fn numbers_fit_their_type() {
        assert_eq!(Reader::new(&[0xcd, 0x01, 0x00]).number::<u16>(), Ok(256));
        assert!(Reader::new(&[0xcd, 0x01, 0x00]).number::<u8>().is_err());
        assert!(Reader::new(&[0xff]).count().is_err());
        let mut nil = Reader::new(&[0xc0, 7]);
        assert_eq!(nil.option(Reader::number::<i64>), Ok(None));
        assert_eq!(nil.option(Reader::number::<i64>), Ok(Some(7)));
    }
}
