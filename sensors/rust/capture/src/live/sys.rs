//! The system calls of a packet socket with a `TPACKET_V3` ring (packet(7), and the kernel's `packet_mmap.rst`).
//!
//! The only unsafe code of the crate. A block belongs to the kernel or to us, as the status word at its beginning
//! says; `Mapping::take` lends a block only while it is ours, and only one at a time.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{Error, Result};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{c_int, c_void, socklen_t};

use crate::live::program::Instruction;

/// Where the status word of a block stands.
const BLOCK_STATUS_AT: usize = 8;
const TPACKET_V3: c_int = 2;
const PACKET_IGNORE_OUTGOING: c_int = 23;
const PACKET_FANOUT_FLAG_UNIQUEID: u32 = 0x2000;
const PACKET_FANOUT_FLAG_IGNORE_OUTGOING: u32 = 0x4000;

/// What the kernel counted since it was asked last: `struct tpacket_stats_v3`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that the filter let through, those that were dropped among them.
    pub packets: u32,
    /// Of these, those that found no room.
    pub dropped: u32,
    /// How often the ring was full.
    pub freezes: u32,
}

/// The shape of a ring: `struct tpacket_req3`.
#[repr(C)]
pub struct Shape {
    pub block_bytes: u32,
    pub blocks: u32,
    pub frame_bytes: u32,
    pub frames: u32,
    pub retire_ms: u32,
    pub private_bytes: u32,
    pub features: u32,
}

/// A packet socket.
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// A socket that hears nothing yet. Takes `CAP_NET_RAW`.
    pub fn open() -> Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointers.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn set<T>(&self, option: c_int, value: &T) -> Result<()> {
        self.set_at(libc::SOL_PACKET, option, value)
    }

    fn set_at<T>(&self, level: c_int, option: c_int, value: &T) -> Result<()> {
        let bytes = size_of::<T>() as socklen_t;
        // SAFETY: the pointer and the length are those of `value`, which the kernel copies.
        checked(unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast::<c_void>(),
                bytes,
            )
        })?;
        Ok(())
    }

    /// Use rings of version 3, with so many free bytes before each frame.
    pub fn prepare(&self, reserve_bytes: u32) -> Result<()> {
        self.set(libc::PACKET_VERSION, &TPACKET_V3)?;
        self.set(libc::PACKET_RESERVE, &reserve_bytes)
    }

    /// Leave out what this host sends: on loopback it is heard again as it arrives.
    pub fn ignore_outgoing(&self) -> Result<()> {
        self.set(PACKET_IGNORE_OUTGOING, &1)
    }

    /// Attach a filter.
    pub fn attach(&self, program: &[Instruction]) -> Result<()> {
        let mut instructions: Vec<libc::sock_filter> =
            program.iter().copied().map(instruction).collect();
        let program = libc::sock_fprog {
            len: instructions.len() as u16,
            filter: instructions.as_mut_ptr(),
        };
        // The kernel copies the instructions before it returns.
        self.set_at(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Hear an interface; every protocol.
    pub fn bind(&self, index: u32) -> Result<()> {
        // SAFETY: zeroes are a valid address.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index.cast_signed();
        // SAFETY: the pointer and the length are those of `address`.
        checked(unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                std::ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_ll>() as socklen_t,
            )
        })?;
        Ok(())
    }

    /// Share the interface's flows with the other sockets of a group, by the hash of their ends; without a group,
    /// begin one. A group does not ask its sockets whether to ignore what this host sends. Returns the group.
    pub fn fan_out(&self, group: Option<u16>, ignore_outgoing: bool) -> Result<u16> {
        let mut mode = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
        if ignore_outgoing {
            mode |= PACKET_FANOUT_FLAG_IGNORE_OUTGOING;
        }
        let (mode, number) = match group {
            Some(number) => (mode, u32::from(number)),
            None => (mode | PACKET_FANOUT_FLAG_UNIQUEID, 0),
        };
        self.set(libc::PACKET_FANOUT, &(mode << 16 | number))?;
        let mut fanout: u32 = 0;
        self.get(libc::SOL_PACKET, libc::PACKET_FANOUT, &mut fanout)?;
        Ok(fanout as u16)
    }

    /// Hear what is for other hosts, too.
    pub fn promiscuous(&self, index: u32) -> Result<()> {
        // SAFETY: zeroes are a valid request.
        let mut request: libc::packet_mreq = unsafe { zeroed() };
        request.mr_ifindex = index.cast_signed();
        request.mr_type = libc::PACKET_MR_PROMISC as u16;
        self.set(libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// What was counted since the last call.
    pub fn statistics(&self) -> Result<Statistics> {
        let mut statistics = Statistics::default();
        self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut statistics)?;
        Ok(statistics)
    }

    /// The error that waits at the socket, which asking clears; such as that the interface went down.
    pub fn take_error(&self) -> Option<Error> {
        let mut code: c_int = 0;
        let asked = self.get(libc::SOL_SOCKET, libc::SO_ERROR, &mut code);
        match (asked, code) {
            (Err(error), _) => Some(error),
            (Ok(()), 0) => None,
            (Ok(()), code) => Some(Error::from_raw_os_error(code)),
        }
    }

    fn get<T>(&self, level: c_int, option: c_int, value: &mut T) -> Result<()> {
        let mut bytes = size_of::<T>() as socklen_t;
        // SAFETY: the kernel writes at most `bytes` to `value`, which is plain numbers.
        checked(unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                level,
                option,
                std::ptr::from_mut(value).cast::<c_void>(),
                &raw mut bytes,
            )
        })?;
        Ok(())
    }

    /// Wait until there is a block to read, or an error; tell whether there is anything.
    pub fn wait(&self, timeout_ms: i32) -> Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN | libc::POLLERR,
            revents: 0,
        };
        // SAFETY: one pollfd, which lives as long as the call.
        match checked(unsafe { libc::poll(&raw mut poll, 1, timeout_ms) }) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Make the ring, and map it.
    pub fn map(&self, shape: &Shape) -> Result<Mapping> {
        self.set(libc::PACKET_RX_RING, shape)?;
        let block_bytes = shape.block_bytes as usize;
        let bytes = block_bytes * shape.blocks as usize;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, of the ring's size; nobody else has it.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                self.0.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(Error::last_os_error)?;
        Ok(Mapping {
            start,
            block_bytes,
            blocks: shape.blocks as usize,
        })
    }
}

/// A ring's blocks, shared with the kernel.
pub struct Mapping {
    start: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: the memory belongs to the mapping alone; it may be used, and unmapped, on any thread.
unsafe impl Send for Mapping {}
// SAFETY: whoever shares it may ask for the number of its blocks; the memory is reached through `&mut` alone.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// How many blocks there are.
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        let at = (index % self.blocks) * self.block_bytes + BLOCK_STATUS_AT;
        // SAFETY: inside the mapping and aligned, as blocks begin at pages; the kernel, too, uses it as a whole word.
        unsafe { self.start.add(at).cast::<AtomicU32>().as_ref() }
    }

    /// Lend a block to `read` if it is ours, and give it back to the kernel; `None` while it is the kernel's.
    pub fn take<T>(&mut self, index: usize, read: impl FnOnce(&mut [u8]) -> T) -> Option<T> {
        if self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let at = (index % self.blocks) * self.block_bytes;
        // SAFETY: inside the mapping; the kernel writes nothing to a block that is ours, and `&mut self` sees to it
        // that no other part of it is lent.
        let block = unsafe {
            std::slice::from_raw_parts_mut(self.start.add(at).as_ptr(), self.block_bytes)
        };
        let result = read(block);
        self.status(index)
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
        Some(result)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what was mapped, once.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.block_bytes * self.blocks) };
    }
}

/// The number of an interface; `None` where there is none of that name.
pub fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: a string that ends in zero.
    Some(unsafe { libc::if_nametoindex(name.as_ptr()) }).filter(|index| *index != 0)
}

/// What the kernel says of an interface: its kind (`ARPHRD_`), and whether it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    pub kind: u16,
    pub up: bool,
}

/// Ask for an interface by its name.
pub fn interface(name: &str) -> Result<Interface> {
    // SAFETY: no pointers.
    let fd =
        checked(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new, and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: zeroes are a valid request.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (place, byte) in request.ifr_name[..libc::IFNAMSIZ - 1]
        .iter_mut()
        .zip(name.bytes())
    {
        *place = byte.cast_signed();
    }
    // SAFETY: the request lives as long as the call; the kernel writes the member that it is asked for.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) })?;
    // SAFETY: the member that was written.
    let kind = unsafe { request.ifr_ifru.ifru_hwaddr.sa_family };
    // SAFETY: as above.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: the member that was written.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok(Interface {
        kind,
        up: i32::from(flags) & libc::IFF_UP != 0,
    })
}

/// The clock that packets are stamped with, since the Unix epoch.
pub fn now_ns() -> i64 {
    // SAFETY: zeroes are a valid time.
    let mut now: libc::timespec = unsafe { zeroed() };
    // SAFETY: the kernel writes to `now`.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    now.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(now.tv_nsec)
}

const fn instruction(of: Instruction) -> libc::sock_filter {
    libc::sock_filter {
        code: of.code,
        jt: of.jt,
        jf: of.jf,
        k: of.k,
    }
}

fn checked(result: c_int) -> Result<c_int> {
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(result)
    }
}
