//! An assembler of socket filters: classic BPF, as linux/filter.h numbers it.
//!
//! A program is written from its end, so that all that an instruction can jump to is there already, and how far
//! away it is. The kernel allows jumps ahead alone, and conditional ones over 255 instructions at the most.

/// `BPF_LD | BPF_W | BPF_LEN`: the packet's length.
pub const LENGTH: u16 = 0x80;
/// `BPF_LD`, of words, half words and bytes at `k`,
pub const WORD: u16 = 0x20;
/// two bytes,
pub const HALF: u16 = 0x28;
/// one byte.
pub const BYTE: u16 = 0x30;
/// The same at `x + k`.
pub const WORD_X: u16 = 0x40;
/// Two bytes,
pub const HALF_X: u16 = 0x48;
/// one byte.
pub const BYTE_X: u16 = 0x50;
/// `BPF_LD | BPF_MEM`: what was stored.
pub const RECALL: u16 = 0x60;
/// `BPF_STX`: store x.
pub const STORE_X: u16 = 0x03;
/// `BPF_LDX | BPF_IMM`: x is `k`.
pub const SET_X: u16 = 0x01;
/// `BPF_LDX | BPF_MSH`: x is the length of the IPv4 header at `k`.
pub const IPV4_BYTES_X: u16 = 0xb1;
/// `BPF_MISC | BPF_TAX`: x is a.
pub const TO_X: u16 = 0x07;
/// `BPF_MISC | BPF_TXA`: a is x.
pub const FROM_X: u16 = 0x87;
/// `BPF_ALU | BPF_ADD`, of `k`,
pub const ADD: u16 = 0x04;
/// of x.
pub const ADD_X: u16 = 0x0c;
/// `BPF_ALU | BPF_AND`.
pub const AND: u16 = 0x54;
/// `BPF_ALU | BPF_RSH`.
pub const SHIFT_RIGHT: u16 = 0x74;
/// `BPF_JMP | BPF_JEQ`.
pub const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT`.
pub const ABOVE: u16 = 0x25;
/// `BPF_JMP | BPF_JGE`.
pub const AT_LEAST: u16 = 0x35;
/// `BPF_JMP | BPF_JSET`.
pub const ANY_OF: u16 = 0x45;

/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
/// `BPF_RET | BPF_A`.
const RETURN_A: u16 = 0x16;
/// `BPF_JMP | BPF_JA`.
const JUMP: u16 = 0x05;
/// So far a conditional jump may go, when another jump may still be put between.
const NEAR: usize = 254;

/// One instruction: `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip when a condition holds,
    pub jt: u8,
    /// and when it does not.
    pub jf: u8,
    /// With what.
    pub k: u32,
}

/// An instruction's place: how many stand from it to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// A program, its last instruction first.
#[derive(Debug, Default)]
pub struct Assembly {
    reversed: Vec<Instruction>,
    /// Where the last jump to a far place stands, by the place.
    bridges: Vec<(Label, Label)>,
}

impl Assembly {
    /// Return so many bytes.
    pub fn returns(&mut self, bytes: u32) -> Label {
        self.push(RETURN, bytes)
    }

    /// Return as many bytes as a is after some instructions.
    pub fn returns_after(&mut self, steps: &[(u16, u32)]) -> Label {
        let end = self.push(RETURN_A, 0);
        self.before(end, steps)
    }

    /// Put instructions before a place.
    pub fn before(&mut self, place: Label, steps: &[(u16, u32)]) -> Label {
        if self.distance(place) > 0 {
            self.push(JUMP, self.distance(place) as u32);
        }
        for (code, k) in steps.iter().rev() {
            self.push(*code, *k);
        }
        self.here()
    }

    /// Go to one place where a condition holds, else to another.
    pub fn branch(&mut self, condition: (u16, u32), yes: Label, no: Label) -> Label {
        let (yes, no) = (self.near(yes), self.near(no));
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        let (code, k) = condition;
        self.reversed.push(Instruction { code, jt, jf, k });
        self.here()
    }

    /// Go to a place where a holds one of some values, else to another.
    pub fn any(
        &mut self,
        values: impl IntoIterator<Item = u32>,
        yes: Label,
        otherwise: Label,
    ) -> Label {
        values.into_iter().fold(otherwise, |otherwise, value| {
            self.branch((EQUAL, value), yes, otherwise)
        })
    }

    /// Go to the place of the part that holds a; parts are given by their first values, from 0 on.
    pub fn search(&mut self, parts: &[(u32, Label)], otherwise: Label) -> Label {
        match parts {
            [] => otherwise,
            [(_, place)] => *place,
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                let first = right.first().map_or(0, |(first, _)| *first);
                let right = self.search(right, otherwise);
                let left = self.search(left, otherwise);
                self.branch((AT_LEAST, first), right, left)
            }
        }
    }

    /// The instructions, from the first on.
    #[must_use]
    pub fn finish(self) -> Vec<Instruction> {
        self.reversed.into_iter().rev().collect()
    }

    fn here(&self) -> Label {
        Label(self.reversed.len())
    }

    /// How many instructions the next one would skip to reach a place.
    fn distance(&self, place: Label) -> usize {
        self.reversed.len() - place.0
    }

    fn push(&mut self, code: u16, k: u32) -> Label {
        self.reversed.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
        self.here()
    }

    /// A place from which a place is reached that may be too far away.
    fn near(&mut self, place: Label) -> Label {
        if self.distance(place) <= NEAR {
            return place;
        }
        let known = self.bridges.iter().rev().find(|(to, _)| *to == place);
        if let Some(&(_, bridge)) = known
            && self.distance(bridge) <= NEAR
        {
            return bridge;
        }
        let bridge = self.push(JUMP, self.distance(place) as u32);
        self.bridges.push((place, bridge));
        bridge
    }
}
