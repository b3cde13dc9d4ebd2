//! A packet socket to send on. Only on veth and loopback: nothing leaves this machine.
#![allow(unsafe_code)]

use std::io::Error;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_uint, socklen_t};

/// Frames in one system call.
pub const BATCH: usize = 64;
const ETHERNET_BYTES: usize = 14;
const GET_DRIVER: u32 = 3; // ETHTOOL_GDRVINFO
const DRIVER_BYTES: usize = 32;

/// `struct ethtool_drvinfo`; what follows the driver's name is not looked at.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; DRIVER_BYTES],
    rest: [u8; 160],
}

/// The socket, and what was sent.
pub struct Wire {
    socket: OwnedFd,
    frame_bytes: usize,
    pub packets: u64,
    pub bytes: u64,
    /// How often the kernel had no room.
    pub refused: u64,
}

impl Wire {
    /// Open a socket on an interface of this machine alone.
    pub fn open(interface: &str) -> Result<Self, String> {
        let fault = |error: Error| format!("{interface}: {error}");
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers. Protocol 0: nothing is received.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }).map_err(fault)?;
        // SAFETY: the descriptor is new, and nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        if !is_local(&socket, interface).map_err(fault)? {
            return Err(format!(
                "{interface}: neither veth nor loopback; nothing is sent there"
            ));
        }
        let mtu = mtu(&socket, interface).map_err(fault)?;
        bind(&socket, interface).map_err(fault)?;
        Ok(Self {
            socket,
            frame_bytes: mtu + ETHERNET_BYTES,
            packets: 0,
            bytes: 0,
            refused: 0,
        })
    }

    /// The longest frame that can be sent.
    pub const fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Send up to `BATCH` frames; return how many went.
    pub fn send<'a>(&mut self, frames: impl Iterator<Item = &'a [u8]>) -> Result<usize, String> {
        // SAFETY: zeroes are valid in both.
        let mut parts: [libc::iovec; BATCH] = unsafe { zeroed() };
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut count: c_uint = 0;
        for (frame, (part, message)) in frames.zip(parts.iter_mut().zip(&mut messages)) {
            part.iov_base = frame.as_ptr().cast_mut().cast();
            part.iov_len = frame.len();
            message.msg_hdr.msg_iov = part;
            message.msg_hdr.msg_iovlen = 1;
            count += 1;
        }
        // SAFETY: `count` messages, each of one part, which is a slice that lives as long as the call; the kernel
        // only reads them.
        let sent =
            unsafe { libc::sendmmsg(self.socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
        let sent = match checked(sent) {
            Ok(sent) => usize::try_from(sent).unwrap_or(0),
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::ENOBUFS | libc::EAGAIN | libc::EINTR)
                ) =>
            {
                self.refused += 1;
                0
            }
            Err(error) => return Err(format!("cannot send: {error}")),
        };
        self.packets += sent as u64;
        self.bytes += messages[..sent]
            .iter()
            .map(|message| u64::from(message.msg_len))
            .sum::<u64>();
        Ok(sent)
    }
}

/// Whether an interface is the loopback, or one of a pair of virtual ones.
fn is_local(socket: &OwnedFd, interface: &str) -> Result<bool, Error> {
    let mut request = request(interface);
    ask(socket, libc::SIOCGIFFLAGS as libc::Ioctl, &mut request)?;
    // SAFETY: the member that was written.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    if i32::from(flags) & libc::IFF_LOOPBACK != 0 {
        return Ok(true);
    }
    let mut info = DriverInfo {
        command: GET_DRIVER,
        driver: [0; DRIVER_BYTES],
        rest: [0; 160],
    };
    request.ifr_ifru.ifru_data = (&raw mut info).cast();
    ask(socket, libc::SIOCETHTOOL as libc::Ioctl, &mut request)?;
    let length = info.driver.iter().position(|byte| *byte == 0);
    Ok(&info.driver[..length.unwrap_or(DRIVER_BYTES)] == b"veth")
}

fn mtu(socket: &OwnedFd, interface: &str) -> Result<usize, Error> {
    let mut request = request(interface);
    ask(socket, libc::SIOCGIFMTU as libc::Ioctl, &mut request)?;
    // SAFETY: the member that was written.
    Ok(usize::try_from(unsafe { request.ifr_ifru.ifru_mtu }).unwrap_or(0))
}

fn bind(socket: &OwnedFd, interface: &str) -> Result<(), Error> {
    let mut request = request(interface);
    ask(socket, libc::SIOCGIFINDEX as libc::Ioctl, &mut request)?;
    // SAFETY: zeroes are a valid address.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    // SAFETY: the member that was written.
    address.sll_ifindex = unsafe { request.ifr_ifru.ifru_ifindex };
    // SAFETY: the pointer and the length are those of `address`.
    checked(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as socklen_t,
        )
    })?;
    let on: c_int = 1;
    // SAFETY: the pointer and the length are those of `on`.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const on).cast(),
            size_of::<c_int>() as socklen_t,
        )
    })?;
    Ok(())
}

fn request(interface: &str) -> libc::ifreq {
    // SAFETY: zeroes are a valid request.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (place, byte) in request.ifr_name[..libc::IFNAMSIZ - 1]
        .iter_mut()
        .zip(interface.bytes())
    {
        *place = byte.cast_signed();
    }
    request
}

fn ask(socket: &OwnedFd, question: libc::Ioctl, request: &mut libc::ifreq) -> Result<(), Error> {
    // SAFETY: the request, and what it points to, live as long as the call.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), question, std::ptr::from_mut(request)) })?;
    Ok(())
}

fn checked(result: c_int) -> Result<c_int, Error> {
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// What this process took of the processors so far, in user and in kernel mode.
#[allow(clippy::cast_precision_loss)] // seconds
pub fn cpu_seconds() -> f64 {
    // SAFETY: zeroes are a valid value.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: the kernel writes to `usage`.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    [usage.ru_utime, usage.ru_stime]
        .iter()
        .map(|time| time.tv_sec as f64 + time.tv_usec as f64 / 1e6)
        .sum()
}
