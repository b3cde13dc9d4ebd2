//! Classic BPF as the kernel checks it and runs it (net/core/filter.c), on a packet.

use crate::live::program::Instruction;

const LOADS: [u16; 6] = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50];
const JUMPS: [u16; 4] = [0x15, 0x25, 0x35, 0x45];
const OTHERS: [u16; 10] = [0x80, 0x01, 0xb1, 0x07, 0x87, 0x04, 0x0c, 0x54, 0x06, 0x16];
/// `BPF_MAXINSNS`.
const MAX_INSTRUCTIONS: usize = 4_096;

/// What the kernel asks of a program before it takes it: `bpf_check_classic` and `check_load_and_stores`.
pub fn check(program: &[Instruction]) {
    let count = program.len();
    assert!((1..=MAX_INSTRUCTIONS).contains(&count));
    assert!(matches!(program[count - 1].code, 0x06 | 0x16));
    let mut stored_before = vec![u16::MAX; count]; // what all ways to an instruction have stored
    let mut stored = 0_u16;
    for (at, one) in program.iter().enumerate() {
        stored &= stored_before[at];
        let mut goes_to = |skip: usize| {
            assert!(at + 1 + skip < count, "{at} jumps behind the end");
            stored_before[at + 1 + skip] &= stored;
        };
        match one.code {
            0x05 => {
                goes_to(one.k as usize);
                stored = u16::MAX;
            }
            code if JUMPS.contains(&code) => {
                goes_to(one.jt.into());
                goes_to(one.jf.into());
                stored = u16::MAX;
            }
            0x03 => {
                assert!(one.k < 16);
                stored |= 1 << one.k;
            }
            0x60 => assert!(
                one.k < 16 && stored & 1 << one.k != 0,
                "{at} recalls nothing"
            ),
            0x74 => assert!(one.k < 32),
            code if LOADS.contains(&code) => assert!(one.k < 1 << 16, "{at} is ancillary"),
            code => assert!(OTHERS.contains(&code), "{at} has the code {code:#x}"),
        }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What it returned.
    pub bytes: u32,
    /// After how many instructions.
    pub steps: usize,
}

/// Run a program on a packet; none where it loads from beyond the end, upon which the kernel drops the packet.
pub fn run(program: &[Instruction], packet: &[u8]) -> Option<End> {
    let (mut a, mut x, mut memory, mut at) = (0_u32, 0_u32, [0_u32; 16], 0);
    for steps in 1.. {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let load = |from: u32, bytes: usize| {
            let from = from as usize;
            let loaded = packet.get(from..from.checked_add(bytes)?)?;
            Some(loaded.iter().fold(0, |a, byte| a << 8 | u32::from(*byte)))
        };
        let mut jump = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            0x80 => a = packet.len() as u32,
            0x20 => a = load(k, 4)?,
            0x28 => a = load(k, 2)?,
            0x30 => a = load(k, 1)?,
            0x40 => a = load(x.checked_add(k)?, 4)?,
            0x48 => a = load(x.checked_add(k)?, 2)?,
            0x50 => a = load(x.checked_add(k)?, 1)?,
            0xb1 => x = (load(k, 1)? & 0xf) * 4,
            0x60 => a = memory[k as usize],
            0x03 => memory[k as usize] = x,
            0x01 => x = k,
            0x07 => x = a,
            0x87 => a = x,
            0x04 => a = a.wrapping_add(k),
            0x0c => a = a.wrapping_add(x),
            0x54 => a &= k,
            0x74 => a >>= k,
            0x05 => at += k as usize,
            0x15 => jump(a == k),
            0x25 => jump(a > k),
            0x35 => jump(a >= k),
            0x45 => jump(a & k != 0),
            0x06 => return Some(End { bytes: k, steps }),
            0x16 => return Some(End { bytes: a, steps }),
            _ => panic!("no such code"),
        }
    }
    None
}
