//! DNS responses, from the message to what its asker learned (RFC 1035, RFC 2181, RFC 9460).
//!
//! Only what hangs on the question is believed: the alias chain from the name asked for, and the addresses of the
//! names on it. Messages that are no answers are `None`, broken ones `Malformed`.

use std::net::IpAddr;

use crate::dns_chain::Chain;
use crate::dns_names::{Broken, NameReader};
use crate::dns_pool::{NameId, NamePool};
use crate::dns_records::{CLASS_IN, Record, RecordReader, is_service_type};
use crate::wire::Malformed;

const HEADER_BYTES: usize = 12;
const QUESTION_BYTES: usize = 4; // type, class
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
const RCODE: u16 = 0x000f;

/// What one response says about the name that was asked for.
#[derive(Clone, Debug)]
pub struct Answer<'r> {
    /// The identifier that the asker chose.
    pub transaction: u16,
    /// The name asked for.
    pub qname: &'r str,
    /// The type asked for.
    pub qtype: u16,
    /// The response code in the header.
    pub rcode: u8,
    /// The alias chain in order from `qname` (CNAME, and `AliasMode` of HTTPS and SVCB).
    pub cnames: NameList<'r>,
    /// In the order of the message: of A and AAAA records on the chain or at the target of a service on it, and
    /// the hints of HTTPS and SVCB.
    pub addresses: &'r [IpAddr],
    /// The smallest of all these records', in seconds, 0 if there are none.
    pub ttl: u32,
    /// The public names of the ECH configurations.
    pub ech_public_names: NameList<'r>,
    /// Whether one of their lists is broken.
    pub ech_malformed: bool,
    /// The message says so (TC) or was cut.
    pub truncated: bool,
    /// The message holds more than the bounds allow.
    pub clipped: bool,
    /// Counts records of the same types in the answer section for other names.
    pub unrelated: usize,
}

/// Names in order.
#[derive(Clone, Copy, Debug)]
pub struct NameList<'r> {
    pool: &'r NamePool,
    names: &'r [NameId],
}

impl<'r> NameList<'r> {
    /// The names as text.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'r str> + use<'r> {
        let pool = self.pool;
        self.names.iter().map(|&name| pool.text(name))
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Reads responses one at a time; its memory serves the next one.
#[derive(Debug, Default)]
pub struct ResponseReader {
    names: NameReader,
    answers: Vec<Record>,
    additional: Vec<Record>,
    chain: Chain,
}

/// The fixed part of a response, and its question.
struct Reply {
    transaction: u16,
    rcode: u8,
    qname: NameId,
    qtype: u16,
    truncated: bool,
    clipped: bool,
}

impl ResponseReader {
    /// Return what a DNS message answers, or `None` if it is not the response to one standard query.
    ///
    /// `complete` is false when the capture cut the message; then, and with the TC bit, the records that are
    /// whole count.
    pub fn parse_response(
        &mut self,
        message: &[u8],
        complete: bool,
    ) -> Result<Option<Answer<'_>>, Malformed> {
        let Some(header) = Header::of(message) else {
            return if complete {
                Err(Malformed("dns-header-past-end"))
            } else {
                Ok(None)
            };
        };
        if header.flags & (RESPONSE | OPCODE) != RESPONSE || header.questions != 1 {
            return Ok(None);
        }
        let may_end_early = !complete || header.flags & TRUNCATED != 0;
        match self.read(message, &header, may_end_early) {
            Ok(reply) => Ok(reply.map(|reply| self.answer(message, &reply))),
            Err(Broken::PastEnd(_)) if may_end_early => Ok(None), // not even the question is whole
            Err(broken) => Err(broken.into()),
        }
    }

    /// Read the question, then the records; `None` if the question is not of class IN.
    fn read(
        &mut self,
        message: &[u8],
        header: &Header,
        may_end_early: bool,
    ) -> Result<Option<Reply>, Broken> {
        self.names.clear();
        self.answers.clear();
        self.additional.clear();
        let (qname, at) = self.names.read(message, HEADER_BYTES)?;
        let question = message.get(at..).and_then(<[u8]>::first_chunk);
        let &[t0, t1, c0, c1] = question.ok_or(Broken::PastEnd("dns-question-past-end"))?;
        if u16::from_be_bytes([c0, c1]) != CLASS_IN {
            return Ok(None);
        }
        let mut reply = Reply {
            transaction: header.transaction,
            rcode: (header.flags & RCODE) as u8,
            qname,
            qtype: u16::from_be_bytes([t0, t1]),
            truncated: header.flags & TRUNCATED != 0,
            clipped: false,
        };
        let mut records = RecordReader::new(message, at + QUESTION_BYTES);
        match self.read_records(&mut records, header, reply.qtype) {
            Err(Broken::PastEnd(_)) if may_end_early => reply.truncated = true,
            other => other?,
        }
        reply.clipped = records.clipped;
        Ok(Some(reply))
    }

    fn read_records(
        &mut self,
        records: &mut RecordReader<'_>,
        header: &Header,
        qtype: u16,
    ) -> Result<(), Broken> {
        records.read(header.answers, &mut self.names, &mut self.answers)?;
        if is_service_type(qtype) {
            // addresses of their targets stand further on (RFC 9460 section 4.2)
            records.read(header.others, &mut self.names, &mut self.additional)?;
        }
        Ok(())
    }

    fn answer(&mut self, message: &[u8], reply: &Reply) -> Answer<'_> {
        let (answers, additional) = (&self.answers, &self.additional);
        let pool = &mut self.names.pool;
        self.chain
            .follow(reply.qname, pool, answers.iter().chain(additional));
        let used = self.chain.gather(message, pool, answers);
        self.chain.gather(message, pool, additional);
        let chain = &self.chain;
        let pool = &self.names.pool;
        Answer {
            transaction: reply.transaction,
            qname: pool.text(reply.qname),
            qtype: reply.qtype,
            rcode: reply.rcode,
            cnames: NameList {
                pool,
                names: &chain.aliases,
            },
            addresses: &chain.addresses,
            ttl: chain.ttl.unwrap_or(0),
            ech_public_names: NameList {
                pool,
                names: &chain.public_names,
            },
            ech_malformed: chain.ech_malformed,
            truncated: reply.truncated,
            clipped: reply.clipped || chain.clipped,
            unrelated: answers.len() - used,
        }
    }
}

/// The header of a message (RFC 1035 section 4.1.1): `others` counts authority and additional records.
struct Header {
    transaction: u16,
    flags: u16,
    questions: u16,
    answers: usize,
    others: usize,
}

impl Header {
    fn of(message: &[u8]) -> Option<Header> {
        let &[i0, i1, f0, f1, q0, q1, a0, a1, n0, n1, r0, r1]: &[u8; HEADER_BYTES] =
            message.first_chunk()?;
        let number = |high, low| u16::from_be_bytes([high, low]);
        Some(Header {
            transaction: number(i0, i1),
            flags: number(f0, f1),
            questions: number(q0, q1),
            answers: usize::from(number(a0, a1)),
            others: usize::from(number(n0, n1)) + usize::from(number(r0, r1)),
        })
    }
}

#[cfg(test)]
pub(crate) mod kit;
#[cfg(test)]
mod tests;
