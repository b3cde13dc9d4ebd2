//! What differs from one round to the next: clients' ports, and when these come round, their addresses.
//!
//! A client keeps the first half of an IPv4 address, so that it stays in its network. Checksums stay right (or
//! wrong): they are changed by what changed under them (RFC 1624).

use crate::frames::{Frames, Place, half};

/// Ports from here on are those that systems give to clients.
const FIRST_PORT: u16 = 32_768;
const PORTS: u32 = 32_768;

/// How rounds differ.
pub struct Rounds {
    /// Ports of one round; the next one takes those behind.
    stride: u32,
    /// Rounds until ports come again.
    turns: u32,
}

impl Rounds {
    /// Find out how many ports a round takes. Where clients have others than systems give, only addresses change.
    pub fn of(frames: &Frames) -> Self {
        let (mut low, mut high) = (u16::MAX, 0);
        for port in frames.ports() {
            (low, high) = (low.min(port), high.max(port));
        }
        if low < FIRST_PORT || low > high {
            return Self {
                stride: 0,
                turns: 1,
            };
        }
        let stride = u32::from(high - low) + 1;
        Self {
            stride,
            turns: (PORTS / stride).max(1),
        }
    }

    /// Give a frame the address and port of a round.
    pub fn change(&self, round: u32, frame: &mut [u8], place: &Place) {
        let turn = (round / self.turns) as u16;
        let address = place.address ^ turn.reverse_bits();
        let port = if place.port < FIRST_PORT {
            place.port
        } else {
            let shift = round % self.turns * self.stride;
            FIRST_PORT + ((u32::from(place.port - FIRST_PORT) + shift) % PORTS) as u16
        };
        let old = replace(frame, place.address_at, address);
        if let Some(at) = place.header_sum_at {
            mend(frame, at, old, address);
        }
        let old_port = replace(frame, place.port_at, port);
        if let Some(at) = place.sum_at {
            mend(frame, at, old, address);
            mend(frame, at, old_port, port);
        }
    }
}

fn replace(frame: &mut [u8], at: usize, value: u16) -> u16 {
    let old = half(frame, at).unwrap_or_default();
    if let Some(place) = frame.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    old
}

/// Equation 3 of RFC 1624.
fn mend(frame: &mut [u8], at: usize, old: u16, new: u16) {
    let sum = half(frame, at).unwrap_or_default();
    let total = u32::from(!sum) + u32::from(!old) + u32::from(new);
    let folded = (total & 0xffff) + (total >> 16);
    replace(frame, at, !(((folded & 0xffff) + (folded >> 16)) as u16));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Rounds;
    use crate::frames::Frames;
    use crate::frames::tests::{datagram, sum, sums};

    fn rounds(ports: &[(u16, u16)], count: u32) -> Vec<Vec<u8>> {
        let mut frames = Frames::new();
        for (source, destination) in ports {
            frames.add(&datagram(*source, *destination));
        }
        let rounds = Rounds::of(&frames);
        (0..count)
            .flat_map(|round| {
                frames
                    .batch(0..ports.len(), |frame, place| {
                        rounds.change(round, frame, place);
                    })
                    .map(<[u8]>::to_vec)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn checksums_stay_right_and_flows_are_new() {
        for ports in [
            &[(32_768, 53), (40_000, 53)][..],
            &[(5_000, 53)],
            &[(53, 60_000), (53, 65_535)],
        ] {
            let all = rounds(ports, 500);
            let ends: HashSet<&[u8]> = all.iter().map(|frame| &frame[26..38]).collect();
            assert_eq!(ends.len(), all.len());
            for frame in &all {
                assert_eq!((sum(&frame[14..34]), sums(frame)), (0xffff, 0xffff));
            }
        }
    }

    #[test]
    fn the_first_round_is_the_capture_and_networks_stay() {
        let all = rounds(&[(40_000, 53)], 70_000);
        assert_eq!(all[0], datagram(40_000, 53));
        assert!(all.iter().all(|frame| frame[26..28] == [10, 20]));
    }
}
