//! Those who answer: listeners of all three protocols on every host.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use portcullis_engine::net::Protocol;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};
use socket2::{Domain, Socket, Type};

use super::chunk::{INIT, INIT_ACK, Packet};
use super::sctp::{SCTP, raw, receive};
use crate::Error;
use crate::fabric::Fabric;
use crate::host::Host;

/// Hosts that answer, until this is dropped.
#[derive(Debug)]
pub struct Answering {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// A socket that answers.
struct Listener {
    protocol: Protocol,
    socket: Socket,
    /// Where it is bound; the address alone for SCTP, which has no ports of its own here.
    address: IpAddr,
}

impl Answering {
    /// Every host of the fabric answers at all its addresses: TCP and UDP on these ports, SCTP on
    /// all.
    ///
    /// # Errors
    /// If a socket cannot be opened.
    pub fn start(fabric: &Fabric, ports: &[u16]) -> Result<Self, Error> {
        let mut listeners = Vec::new();
        for host in fabric.hosts() {
            listeners.extend(host.namespace.enter(|| listen(host, ports))?);
        }
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(Error::while_doing("an eventfd"))?;
        let stop = Arc::new(stop);
        let poll = watch(&listeners, &stop).map_err(Error::while_doing("watching sockets"))?;
        let thread = std::thread::spawn(move || serve(&listeners, &poll));
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(host: &Host, ports: &[u16]) -> Result<Vec<Listener>, Error> {
    let mut listeners = Vec::new();
    for &address in &host.addresses {
        let doing = |what: String| Error::while_doing::<std::io::Error>(what);
        let socket = raw(address, SCTP).map_err(doing(format!("SCTP at {address}")))?;
        listeners.push(Listener { protocol: Protocol::Sctp, socket, address });
        for &port in ports {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let what = format!("listening at {address}, {} {port}", protocol.name());
                let socket = bound(address, protocol, port).map_err(doing(what))?;
                listeners.push(Listener { protocol, socket, address });
            }
        }
    }
    Ok(listeners)
}

fn bound(address: IpAddr, protocol: Protocol, port: u16) -> std::io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let kind = if protocol == Protocol::Tcp { Type::STREAM } else { Type::DGRAM };
    let socket = Socket::new(domain, kind, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::new(address, port).into())?;
    if protocol == Protocol::Tcp {
        socket.listen(4096)?;
    }
    Ok(socket)
}

/// What the stop event is called among listeners' numbers.
const STOP: u64 = u64::MAX;

fn watch(listeners: &[Listener], stop: &OwnedFd) -> Result<OwnedFd, Errno> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let number = epoll::EventData::new_u64;
    epoll::add(&poll, stop, number(STOP), epoll::EventFlags::IN)?;
    for (at, listener) in (0..).zip(listeners) {
        epoll::add(&poll, &listener.socket, number(at), epoll::EventFlags::IN)?;
    }
    Ok(poll)
}

fn serve(listeners: &[Listener], poll: &OwnedFd) {
    loop {
        let mut events = Vec::with_capacity(64);
        match epoll::wait(poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        for event in &events {
            let number = event.data.u64();
            if number == STOP {
                return;
            }
            let listener = usize::try_from(number).ok().and_then(|at| listeners.get(at));
            listener.into_iter().for_each(answer);
        }
    }
}

/// Answers all that waits. Who does not get an answer reports it, so failures are passed over.
fn answer(listener: &Listener) {
    match listener.protocol {
        Protocol::Tcp => while listener.socket.accept().is_ok() {},
        Protocol::Udp => {
            let mut buffer = [0_u8; 64];
            while let Ok((length, _, Some(from))) =
                recvfrom(&listener.socket, &mut buffer, RecvFlags::empty())
            {
                let heard = buffer.get(..length).unwrap_or_default();
                let _ = sendto(&listener.socket, heard, SendFlags::empty(), &from);
            }
        }
        Protocol::Sctp => {
            while let Some((bytes, from)) = receive(&listener.socket) {
                acknowledge(listener, &bytes, from);
            }
        }
    }
}

fn acknowledge(listener: &Listener, bytes: &[u8], from: IpAddr) {
    let Some(init) = Packet::read(bytes).filter(|packet| packet.kind == INIT) else { return };
    let tag = init.initiate;
    let answer = Packet { from: init.to, to: init.from, tag, kind: INIT_ACK, initiate: 1 };
    if from.is_ipv4() == listener.address.is_ipv4() {
        let _ = listener.socket.send_to(&answer.bytes(), &SocketAddr::new(from, 0).into());
    }
}
