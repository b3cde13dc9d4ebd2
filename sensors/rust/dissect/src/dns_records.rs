//! The resource records of a DNS message that say where a name leads: A, AAAA, CNAME, HTTPS and SVCB.
//!
//! Records of other types and classes are passed over. A message costs a bounded number of steps, whatever its
//! counts and pointers claim.

use std::net::IpAddr;
use std::ops::Range;

use crate::dns_names::{Broken, NameReader};
use crate::dns_pool::NameId;
use crate::svcb::{Service, parse_service};

/// Labels and pointers followed in one message; a usual answer takes about 10.
pub const MAX_STEPS: usize = 8_192;
/// The Internet's class.
pub const CLASS_IN: u16 = 1;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const FIXED_PART_BYTES: usize = 10; // type, class, TTL, RDLENGTH
const MAX_TTL_SECONDS: u32 = 0x7fff_ffff;

const PAST_END: Broken = Broken::PastEnd("dns-record-past-end");

/// Whether a type is SVCB or HTTPS.
#[must_use]
pub fn is_service_type(kind: u16) -> bool {
    matches!(kind, SVCB | HTTPS)
}

/// Where one record leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of A and AAAA.
    Address(IpAddr),
    /// The target of a CNAME.
    Alias(NameId),
    /// Of HTTPS and SVCB.
    Service(Service),
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name that the record is about.
    pub owner: NameId,
    /// In seconds.
    pub ttl: u32,
    /// What it says.
    pub value: Value,
}

/// Reads the records of one message, section after section.
#[derive(Debug)]
pub struct RecordReader<'m> {
    /// Tells that `MAX_STEPS` was reached, so that the rest of the message was left unread.
    pub clipped: bool,
    message: &'m [u8],
    at: usize,
}

impl<'m> RecordReader<'m> {
    /// Read `message` from `at` on.
    #[must_use]
    pub fn new(message: &'m [u8], at: usize) -> Self {
        RecordReader {
            clipped: false,
            message,
            at,
        }
    }

    /// Append those of the next `count` records that matter to `kept`.
    ///
    /// Where the message ends inside a record, `kept` holds those before.
    pub fn read(
        &mut self,
        count: usize,
        names: &mut NameReader,
        kept: &mut Vec<Record>,
    ) -> Result<(), Broken> {
        for _ in 0..count {
            if names.steps() > MAX_STEPS {
                self.clipped = true;
                return Ok(());
            }
            let (owner, at) = names.read(self.message, self.at)?;
            let fixed = self
                .message
                .get(at..)
                .and_then(<[u8]>::first_chunk)
                .ok_or(PAST_END)?;
            let &[k0, k1, c0, c1, t0, t1, t2, t3, l0, l1]: &[u8; FIXED_PART_BYTES] = fixed;
            let start = at + FIXED_PART_BYTES;
            let rdata = start..start + usize::from(u16::from_be_bytes([l0, l1]));
            if rdata.end > self.message.len() {
                return Err(PAST_END);
            }
            self.at = rdata.end;
            if u16::from_be_bytes([c0, c1]) != CLASS_IN {
                continue;
            }
            if let Some(value) = self.value(u16::from_be_bytes([k0, k1]), rdata, names)? {
                let ttl = u32::from_be_bytes([t0, t1, t2, t3]);
                let ttl = if ttl <= MAX_TTL_SECONDS { ttl } else { 0 }; // RFC 2181 section 8
                kept.push(Record { owner, ttl, value });
            }
        }
        Ok(())
    }

    /// What a record says, `None` for types that are passed over.
    fn value(
        &self,
        kind: u16,
        rdata: Range<usize>,
        names: &mut NameReader,
    ) -> Result<Option<Value>, Broken> {
        let value = match kind {
            A => Value::Address(IpAddr::from(self.address::<4>(rdata)?)),
            AAAA => Value::Address(IpAddr::from(self.address::<16>(rdata)?)),
            CNAME => {
                let (target, after) = names.read(self.message, rdata.start)?;
                if after != rdata.end {
                    return Err(Broken::Malformed("dns-rdata-length"));
                }
                Value::Alias(target)
            }
            SVCB | HTTPS => Value::Service(parse_service(self.message, rdata, names)?),
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    fn address<const BYTES: usize>(&self, rdata: Range<usize>) -> Result<[u8; BYTES], Broken> {
        let bytes = self.message.get(rdata).unwrap_or_default();
        bytes
            .try_into()
            .map_err(|_| Broken::Malformed("dns-rdata-length"))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_STEPS, RecordReader, Value};
    use crate::dns::ResponseReader;
    use crate::dns::kit::{A, CNAME, QUESTION_NAME, record, response, response_of, wire};
    use crate::dns_names::{Broken, NameReader};

    #[test]
    fn records_before_the_end_are_kept() {
        let message = [record(&wire("a"), A, 7, &[1, 2, 3, 4]), wire("b")].concat();
        let (mut names, mut kept) = (NameReader::default(), Vec::new());
        let mut records = RecordReader::new(&message, 0);
        let past_end = Broken::PastEnd("dns-record-past-end");
        assert_eq!(records.read(2, &mut names, &mut kept), Err(past_end));
        let [first] = kept.as_slice() else { panic!() };
        assert_eq!((names.pool.text(first.owner), first.ttl), ("a", 7));
        assert_eq!(first.value, Value::Address([1, 2, 3, 4].into()));
        assert!(!records.clipped);
    }

    /// Each owner is one label and a pointer to the longest suffix that has room.
    #[test]
    fn a_web_of_pointers_costs_a_bounded_number_of_steps() {
        let at = response(A, &[]).len();
        let to = |offset: usize| (0xc000 | (at + offset) as u16).to_be_bytes();
        let pointing = |label: &[u8], offset| [&[1], label, &to(offset)].concat();
        let one = record(&pointing(b"b", 4), CNAME, 60, &pointing(b"c", 6));
        let mut web = vec![one; 3_000];
        web.insert(
            0,
            record(&wire(&["a"; 120].join(".")), A, 60, &[192, 0, 2, 1]),
        );
        let message = response_of(0x8180, "a.example", A, [&web, &[], &[]]);

        let (mut names, mut kept) = (NameReader::default(), Vec::new());
        let mut records = RecordReader::new(&message, at);
        assert_eq!(records.read(web.len(), &mut names, &mut kept), Ok(()));
        assert!(records.clipped);
        assert!((MAX_STEPS..MAX_STEPS + 300).contains(&names.steps()));
        assert!(kept.len() < 100);
        let mut reader = ResponseReader::default();
        assert!(
            reader
                .parse_response(&message, true)
                .unwrap()
                .unwrap()
                .clipped
        );
        let small = response(A, &[record(QUESTION_NAME, A, 60, &[192, 0, 2, 1])]);
        assert!(
            !reader
                .parse_response(&small, true)
                .unwrap()
                .unwrap()
                .clipped
        );
    }
}
