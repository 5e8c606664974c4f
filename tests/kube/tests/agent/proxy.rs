//! A wire between the agent and the API server that a test can cut, or let go dead.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The wire.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: AtomicBool,
    connections: Mutex<Vec<Connection>>,
}

struct Connection {
    ends: [TcpStream; 2],
    dead: Arc<AtomicBool>,
}

impl Proxy {
    /// A wire to a port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !shared.cut.load(Ordering::SeqCst)
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", port))
                {
                    shared.join(stream, server);
                }
            }
        });
        Self { port: own, state }
    }

    /// Where it begins.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Ends all connections and takes no new ones.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        for connection in self.state.connections.lock().unwrap().drain(..) {
            for end in connection.ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }

    /// Lets the connections that there are go dead without ending them.
    pub fn go_dead(&self) {
        for connection in self.state.connections.lock().unwrap().iter() {
            connection.dead.store(true, Ordering::SeqCst);
        }
    }
}

impl State {
    fn join(&self, client: TcpStream, server: TcpStream) {
        let dead = Arc::new(AtomicBool::new(false));
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        let ways = [(clone(&client), clone(&server)), (clone(&server), clone(&client))];
        for (from, to) in ways {
            let dead = Arc::clone(&dead);
            std::thread::spawn(move || carry(from, to, &dead));
        }
        self.connections.lock().unwrap().push(Connection { ends: [client, server], dead });
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, dead: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while dead.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
