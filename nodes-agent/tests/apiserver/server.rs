//! An API server that answers as a test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis_agent::observe::Status;
use portcullis_agent::source::apiserver::{ApiServer, Backoff, Patience};
use portcullis_agent::source::{Change, ChangeSink, Changes, Source as _};
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;

/// How long anything may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request for namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A list as the beginning of a watch.
    Stream,
    /// A watch from a version on.
    Watch(String),
    /// A list, with what is asked for it.
    List(String),
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// None: the connection breaks.
    Break,
    /// A status, and headers.
    Refuse(u16, &'static str),
    /// A status with a message.
    Say(u16, &'static str),
    /// A list as JSON.
    List(String),
    /// Lines of a watch, after which it ends.
    Lines(Vec<String>),
    /// The same, and it stays open.
    Open(Vec<String>),
}

/// A script: answers to requests for namespaces, in their order; the last one again and again.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    script: Vec<Reply>,
    asked: Mutex<Vec<(Asked, Instant)>>,
    open: Mutex<Vec<TcpStream>>,
}

/// A line that says that the first list is whole.
pub fn end_of_list(version: u32) -> String {
    format!(
        r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}}"#
    )
}

/// A namespace.
pub fn namespace(name: &str, version: u32) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}"#)
}

/// A line that says that a namespace is there.
pub fn added(name: &str, version: u32) -> String {
    format!(r#"{{"type":"ADDED","object":{}}}"#, namespace(name, version))
}

/// A list of namespaces.
pub fn list(names: &[String], version: u32) -> String {
    let items: Vec<String> = names.iter().map(|name| namespace(name, 1)).collect();
    format!(r#"{{"metadata":{{"resourceVersion":"{version}"}},"items":[{}]}}"#, items.join(","))
}

impl Server {
    /// A server that follows a script.
    pub fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { script, asked: Mutex::default(), open: Mutex::default() });
        let all = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&all);
                std::thread::spawn(move || state.answer(stream));
            }
        });
        Self { address, state }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect()
    }

    /// How long after a request the next one came.
    pub fn pause_after(&self, at: usize) -> Duration {
        let asked = self.state.asked.lock().unwrap();
        asked[at + 1].1 - asked[at].1
    }

    /// Waits until so much was asked.
    pub fn wait_for(&self, requests: usize) -> Vec<Asked> {
        let start = Instant::now();
        while self.asked().len() < requests {
            assert!(start.elapsed() < PATIENCE, "{:?}", self.asked());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.asked()
    }
}

impl State {
    fn answer(&self, stream: TcpStream) {
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let Some(first) = lines.next() else { return };
        let _ = lines.find(String::is_empty);
        let path = first.split(' ').nth(1).unwrap_or_default();
        let reply = match path.split_once('?') {
            Some(("/api/v1/namespaces", query)) => self.reply(query),
            None => Reply::Refuse(404, ""),
            // Of all other kinds there is nothing.
            Some(_) => Reply::Open(vec![end_of_list(1)]),
        };
        self.send(stream, reply);
    }

    fn reply(&self, query: &str) -> Reply {
        let value = |name| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|pair| pair.0 == name).map(|pair| pair.1.to_owned())
        };
        let request = match (value("watch"), value("sendInitialEvents")) {
            (None, _) => Asked::List(query.to_owned()),
            (_, Some(_)) => Asked::Stream,
            (_, None) => Asked::Watch(value("resourceVersion").unwrap_or_default()),
        };
        let mut asked = self.asked.lock().unwrap();
        let reply = self.script.get(asked.len()).or(self.script.last()).unwrap().clone();
        asked.push((request, Instant::now()));
        reply
    }

    fn send(&self, mut stream: TcpStream, reply: Reply) {
        let head = |code: u16, more: &str| {
            format!(
                "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nConnection: close\r\n{more}\r\n"
            )
        };
        let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        let (head, body): (_, String) = match &reply {
            Reply::Break => return,
            Reply::Refuse(code, more) => (head(*code, more), String::new()),
            Reply::Say(code, message) => {
                let status = format!(r#"{{"kind":"Status","code":{code},"message":"{message}"}}"#);
                (head(*code, ""), status)
            }
            Reply::List(text) => (head(200, ""), text.clone()),
            Reply::Lines(all) | Reply::Open(all) => (head(200, ""), lines(all)),
        };
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
        if matches!(reply, Reply::Open(_)) {
            self.open.lock().unwrap().push(stream);
        }
    }
}

/// An agent's side: what it has heard.
pub struct Watched {
    changes: Receiver<Changes>,
    pub status: Arc<Status>,
    kubeconfig: PathBuf,
    pub names: Vec<String>,
    /// How many lists of namespaces were whole.
    pub lists: usize,
}

impl Watched {
    /// Follows a server, with short pauses between attempts.
    pub fn start(server: &Server) -> Self {
        let backoff =
            Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(50) };
        let patience = Patience { spread: Duration::ZERO, backoff, ..Patience::default() };
        let kubeconfig = std::env::temp_dir().join(format!(
            "portcullis-{}-{}",
            std::process::id(),
            server.address.port()
        ));
        let text = format!(
            "clusters: [{{name: a, cluster: {{server: 'http://{}'}}}}]\n\
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             users: [{{name: a, user: {{}}}}]\ncurrent-context: a\n",
            server.address
        );
        std::fs::write(&kubeconfig, text).unwrap();
        let status = Arc::<Status>::default();
        let source = ApiServer {
            kubeconfig: Some(kubeconfig.clone()),
            patience,
            status: Arc::clone(&status),
            events: None,
            node_status: None,
        };
        let (to, changes) = channel();
        Box::new(source).start(ChangeSink::from(to)).unwrap();
        Self { changes, status, kubeconfig, names: Vec::new(), lists: 0 }
    }

    /// Waits until it has heard of a namespace.
    pub fn wait_for(&mut self, name: &str) {
        while !self.names.iter().any(|known| known == name) {
            for change in self.changes.recv_timeout(PATIENCE).unwrap().changes {
                match change {
                    Change::Object(Event::Put(object)) => {
                        self.names.push(object.meta.name.to_string());
                    }
                    Change::Object(Event::End(Stored::Namespace)) => self.lists += 1,
                    _ => {}
                }
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}
