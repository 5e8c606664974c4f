//! Connections every two milliseconds, to see when a change is in force.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portcullis_packets::namespace::Handle;
use socket2::{Domain, Socket, Type};

/// How often.
pub const BEAT: Duration = Duration::from_millis(2);

/// How long a connection may take: within a namespace it is fractions of a millisecond.
const PATIENCE: Duration = Duration::from_millis(200);

/// One attempt.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    done: Instant,
    connected: bool,
}

/// A client that tries again and again, until it is dropped.
#[derive(Debug)]
pub struct Pulse {
    attempts: Receiver<Attempt>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Begins to try, from a namespace, to reach an address.
    pub fn start(from: &Handle, to: SocketAddr) -> Result<Self> {
        let (sender, attempts) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let thread = from.enter(|| {
            // A thread is born into the namespace of the one that starts it.
            Ok(std::thread::spawn(move || beat(to, &sender, &ends)))
        })?;
        Ok(Self { attempts, stop, thread: Some(thread) })
    }

    /// Waits until attempts turn out so; how long after `since` the first of them was done. One
    /// that was done before counts as none at all.
    pub fn until(&self, connected: bool, since: Instant, patience: Duration) -> Result<Duration> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let attempt = self.attempts.recv_timeout(left);
            let Ok(attempt) = attempt else {
                let wanted = if connected { "reached" } else { "refused" };
                bail!("not {wanted} within {} s", patience.as_secs());
            };
            if attempt.connected == connected {
                return Ok(attempt.done.saturating_duration_since(since));
            }
        }
    }

    /// Forgets what has been tried so far.
    pub fn forget(&self) {
        while self.attempts.try_recv().is_ok() {}
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

fn beat(to: SocketAddr, attempts: &Sender<Attempt>, stop: &AtomicBool) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let connected = connect(to).is_ok();
        if attempts.send(Attempt { done: Instant::now(), connected }).is_err() {
            return;
        }
        next = (next + BEAT).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// A connection that is reset at once, so that no port stays taken.
pub fn connect(to: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), PATIENCE)
}

/// Accepts connections in a namespace for as long as this program runs.
pub fn serve(at: &Handle, address: SocketAddr, treat: fn(TcpStream)) -> Result<()> {
    let listener = at.enter(|| Ok(listen(address)))?;
    let listener = listener.with_context(|| format!("listening at {address}"))?;
    std::thread::spawn(move || listener.incoming().flatten().for_each(treat));
    Ok(())
}

/// More connections may wait to be accepted than the standard library lets: one that is turned away
/// tries again after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
