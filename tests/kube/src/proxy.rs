//! A wire between the agent and the API server that a test can cut, slow down, or let go dead.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::Error;

/// How many bytes a slow wire carries at once.
const TRICKLE: usize = 64;

/// The wire; its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    begin: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    cut: AtomicBool,
    /// Milliseconds after every few bytes; none if zero.
    pause: AtomicU64,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    ends: [TcpStream; 2],
    dead: Arc<AtomicBool>,
}

impl Proxy {
    /// A wire to a server, which begins at another port of the same address. Both are in the
    /// network namespace of this thread.
    ///
    /// # Errors
    /// If nothing can listen there.
    pub fn to(server: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((server.ip(), 0)).map_err(Error::system("a wire"))?;
        let begin = listener.local_addr().map_err(Error::system("a wire"))?;
        // Its thread must notice that the wire is gone.
        listener.set_nonblocking(true).map_err(Error::system("a wire"))?;
        let (cut, pause) = (AtomicBool::new(false), AtomicU64::new(0));
        let connections = Mutex::default();
        let state = Arc::new(State { server, cut, pause, connections });
        let weak = Arc::downgrade(&state);
        std::thread::spawn(move || accept(&listener, &weak));
        Ok(Self { begin, state })
    }

    /// Where it begins.
    pub fn url(&self) -> String {
        format!("https://{}", self.begin)
    }

    /// Ends all connections and takes no new ones.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.end_all();
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }

    /// Lets the connections that there are go dead without ending them.
    pub fn go_dead(&self) {
        for connection in self.state.connections().iter() {
            connection.dead.store(true, Ordering::SeqCst);
        }
    }

    /// Pauses for so long after every few bytes, also on the connections that there are.
    pub fn trickle(&self, pause: Duration) {
        let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.state.pause.store(milliseconds, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.end_all();
    }
}

/// Takes connections until the wire is gone.
fn accept(listener: &TcpListener, state: &Weak<State>) {
    while let Some(state) = state.upgrade() {
        match listener.accept() {
            Ok((stream, _)) => drop(state.join(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                drop(state);
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => return,
        }
    }
}

impl State {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_all(&self) {
        for connection in self.connections().drain(..) {
            // One that goes dead is carried no further, but its threads end.
            for end in connection.ends {
                let _already_ended = end.shutdown(Shutdown::Both);
            }
            connection.dead.store(false, Ordering::SeqCst);
        }
    }

    /// Carries a connection on to the server; without one, it ends.
    fn join(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        client.set_nonblocking(false)?;
        let server = TcpStream::connect(self.server)?;
        let dead = Arc::new(AtomicBool::new(false));
        let there = (client.try_clone()?, server.try_clone()?);
        let back = (server.try_clone()?, client.try_clone()?);
        for (from, to) in [there, back] {
            let (state, dead) = (Arc::clone(self), Arc::clone(&dead));
            std::thread::spawn(move || state.carry(from, to, &dead));
        }
        self.connections().push(Connection { ends: [client, server], dead });
        Ok(())
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, dead: &AtomicBool) {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while dead.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(50));
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            if self.write(&mut to, bytes).is_err() {
                break;
            }
        }
        let _already_ended = to.shutdown(Shutdown::Both);
    }

    fn write(&self, to: &mut TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
        while !bytes.is_empty() {
            let pause = self.pause.load(Ordering::SeqCst);
            let piece = if pause == 0 { bytes.len() } else { bytes.len().min(TRICKLE) };
            let (now, later) = bytes.split_at(piece);
            to.write_all(now)?;
            std::thread::sleep(Duration::from_millis(pause));
            bytes = later;
        }
        Ok(())
    }
}
