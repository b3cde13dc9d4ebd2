//! HTTPS and SVCB records (RFC 9460), and the ECH configurations that they carry (RFC 9848, RFC 9849).

use std::ops::Range;

use crate::dns_names::{Broken, NameReader};
use crate::dns_pool::NameId;
use crate::wire::Malformed;

const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
const ECH_VERSION: u16 = 0xfe0d; // RFC 9849 section 4; other versions are skipped

const PAST_END: Broken = Broken::Malformed("dns-svcb-past-end");

/// One record. `priority` 0 is `AliasMode`: `target` is then the next name, and nothing else is set.
///
/// In `ServiceMode` a `target` of "." is the owner itself. The ranges are parts of the message: the hints are
/// addresses of 4 or 16 bytes, one after the other; `ech` is an `ECHConfigList` that nobody looked into yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Lower goes first; 0 means `AliasMode`.
    pub priority: u16,
    /// The next name, or the name of the service.
    pub target: NameId,
    /// The value of ipv4hint, empty if there is none.
    pub ipv4_hints: Range<usize>,
    /// The value of ipv6hint, empty if there is none.
    pub ipv6_hints: Range<usize>,
    /// The value of ech.
    pub ech: Option<Range<usize>>,
}

impl Service {
    /// Whether the record is in `AliasMode`.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        self.priority == 0
    }
}

/// Parse the RDATA that stands at `rdata` of `message`.
pub fn parse_service(
    message: &[u8],
    rdata: Range<usize>,
    names: &mut NameReader,
) -> Result<Service, Broken> {
    let bytes = message.get(rdata.clone()).ok_or(PAST_END)?;
    let (Some(&priority), 3..) = (bytes.first_chunk(), bytes.len()) else {
        return Err(PAST_END);
    };
    let (target, after) = names.read(message, rdata.start + 2)?;
    if after > rdata.end {
        return Err(PAST_END);
    }
    let mut service = Service {
        priority: u16::from_be_bytes(priority),
        target,
        ipv4_hints: 0..0,
        ipv6_hints: 0..0,
        ech: None,
    };
    if !service.is_alias() {
        read_parameters(message, after..rdata.end, &mut service)?;
    }
    Ok(service)
}

/// Read the `SvcParams`; their keys have to rise (RFC 9460 section 2.2).
fn read_parameters(
    message: &[u8],
    parameters: Range<usize>,
    service: &mut Service,
) -> Result<(), Broken> {
    let mut at = parameters.start;
    let mut lowest = 0;
    let mut whole_hints = true; // the parameters' own form goes first
    while at < parameters.end {
        let fixed = message
            .get(at..parameters.end)
            .and_then(<[u8]>::first_chunk);
        let &[key_high, key_low, high, low] = fixed.ok_or(PAST_END)?;
        let key = u16::from_be_bytes([key_high, key_low]);
        let value = at + 4..at + 4 + usize::from(u16::from_be_bytes([high, low]));
        at = value.end;
        if at > parameters.end {
            return Err(PAST_END);
        }
        if u32::from(key) < lowest {
            return Err(Broken::Malformed("dns-svcb-key-order"));
        }
        lowest = u32::from(key) + 1;
        match key {
            IPV4_HINT => {
                whole_hints &= holds_addresses(&value, 4);
                service.ipv4_hints = value;
            }
            IPV6_HINT => {
                whole_hints &= holds_addresses(&value, 16);
                service.ipv6_hints = value;
            }
            ECH => service.ech = Some(value),
            _ => {}
        }
    }
    if whole_hints {
        Ok(())
    } else {
        Err(Broken::Malformed("dns-svcb-hint-length"))
    }
}

/// Whether the value of ipv4hint or ipv6hint is one address or more (RFC 9460 section 7.3).
fn holds_addresses(value: &Range<usize>, address_bytes: usize) -> bool {
    !value.is_empty() && value.len().is_multiple_of(address_bytes)
}

/// Hand the `public_name` of every configuration of a known version in an `ECHConfigList` to `each`.
///
/// A broken list spoils itself alone: clients go on without ECH (RFC 9848 section 5.1), so that the names handed
/// out before the fault are void.
pub fn ech_public_names(configs: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Malformed> {
    let (mut listed, rest) = split_vector16(configs)?;
    if listed.is_empty() || !rest.is_empty() {
        return Err(Malformed("ech-list-length"));
    }
    while !listed.is_empty() {
        let (&version, after) = listed.split_first_chunk().ok_or(ECH_PAST_END)?;
        let (contents, rest) = split_vector16(after)?;
        if u16::from_be_bytes(version) == ECH_VERSION {
            each(public_name(contents)?);
        }
        listed = rest;
    }
    Ok(())
}

const ECH_PAST_END: Malformed = Malformed("ech-past-end");

/// Walk an `ECHConfigContents` (RFC 9849 section 4) to its `public_name`, and on to its end.
fn public_name(contents: &[u8]) -> Result<&[u8], Malformed> {
    let after_ids = contents.get(3..).ok_or(ECH_PAST_END)?; // config_id and kem_id
    let (_public_key, rest) = split_vector16(after_ids)?;
    let (_cipher_suites, rest) = split_vector16(rest)?;
    let after_maximum = rest.get(1..).ok_or(ECH_PAST_END)?; // maximum_name_length
    let (&length, rest) = after_maximum.split_first().ok_or(ECH_PAST_END)?;
    let (name, rest) = rest
        .split_at_checked(usize::from(length))
        .ok_or(ECH_PAST_END)?;
    let (_extensions, rest) = split_vector16(rest)?;
    if name.is_empty() || !rest.is_empty() {
        return Err(Malformed("ech-config-length"));
    }
    Ok(name)
}

/// Split off the bytes that follow their 16-bit length.
fn split_vector16(data: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (&length, rest) = data.split_first_chunk().ok_or(ECH_PAST_END)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length)))
        .ok_or(ECH_PAST_END)
}

#[cfg(test)]
mod tests;
