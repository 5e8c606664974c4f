//! What changes in a cluster after it has been read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_engine::{Change, SourceFile};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::kinds::{self, Kind};
use super::lines::Lines;
use super::list::{self, encoded};
use super::object::{self, Form};
use super::server::{Failure, Server};
use super::{Outcome, outcome};

/// How long one watch is asked for.
const LIFE: u64 = 290;

/// The server sends a sign of life each minute: what is silent for longer is broken.
const SILENCE: Duration = Duration::from_secs(100);

/// The wait after the first failure, and the longest.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// A watch that ends sooner than this has not told anything.
const LASTING: Duration = Duration::from_secs(1);

/// A list that expires within this time again is a failure.
const SOON: Duration = Duration::from_secs(10);

/// How often it is asked whether the server has other kinds.
const DISCOVERY: Duration = Duration::from_secs(30);

/// What a cluster tells.
#[derive(Debug)]
pub enum News {
    /// Objects came, changed or went.
    Changed(Vec<Change>),
    /// Of a kind nothing is heard for now, and why.
    Lost(String, String),
    /// It is heard of again.
    Found(String),
}

/// A kind that has been listed.
pub(super) struct Watched {
    pub kind: Kind,
    /// The one that may be read; none for all.
    pub namespace: Option<String>,
    /// The version of the list.
    pub version: String,
    /// How its files are written.
    pub form: Form,
    /// The texts of its files, by name.
    pub known: BTreeMap<String, Arc<str>>,
}

impl Watched {
    pub(super) fn new(kind: Kind, namespace: Option<String>, listed: &list::Listed) -> Self {
        let known = listed.files.iter().map(|file| (file.name.to_string(), file.text.clone()));
        let (version, form) = (listed.version.clone(), listed.form);
        Self { kind, namespace, version, form, known: known.collect() }
    }
}

/// Why a watch ends.
enum End {
    /// Its time was over.
    Over,
    /// Nobody listens.
    Closed,
    /// Everything has to be listed again.
    Expired,
    Failed(Failure),
}

/// Kinds that are followed.
type Followed = Arc<Mutex<BTreeSet<String>>>;

/// Tells everything that changes, until nobody listens.
pub(super) async fn all(
    server: Arc<Server>,
    watched: Vec<Watched>,
    namespace: Option<String>,
    to: Sender<News>,
) {
    let followed = Followed::default();
    let start = |one: Watched| {
        lock(&followed).insert(one.kind.name());
        let (server, to) = (Arc::clone(&server), to.clone());
        let follower = Follower { server, watched: one, to, failures: 0, is_told: false };
        let followed = Arc::clone(&followed);
        tokio::spawn(async move {
            let name = follower.watched.kind.name();
            follower.run().await;
            lock(&followed).remove(&name);
        });
    };
    watched.into_iter().for_each(start);
    // What is there and cannot be read, as far as it was told.
    let mut told = BTreeSet::new();
    loop {
        sleep(DISCOVERY).await;
        if lock(&followed).is_empty() {
            return;
        }
        // Who cannot ask now asks again.
        let Ok(found) = kinds::discover(&server).await else { continue };
        let mut unread: BTreeMap<String, String> = BTreeMap::new();
        let away = |group: String| (group, "its server is away".to_owned());
        unread.extend(found.stale.into_iter().map(away));
        for kind in found.kinds {
            let name = kind.name();
            if lock(&followed).contains(&name) {
                continue;
            }
            let (listed, within) = match outcome(&server, &kind, namespace.as_deref()).await {
                Ok(Outcome::All(listed)) => (listed, None),
                Ok(Outcome::OfNamespace(listed)) => (listed, namespace.clone()),
                Ok(Outcome::Gone) => continue,
                Ok(Outcome::Forbidden(why)) => {
                    unread.extend(kind.is_needed().then_some((name, why)));
                    continue;
                }
                Err(failure) => {
                    unread.extend(kind.is_needed().then(|| (name, failure.to_string())));
                    continue;
                }
            };
            let new = Watched::new(kind, within, &listed);
            let puts = listed.files.into_iter().map(Change::Put).collect();
            if to.send(News::Changed(puts)).is_err() {
                return;
            }
            start(new);
        }
        told.retain(|name| unread.contains_key(name));
        for (name, why) in unread {
            if told.insert(name.clone()) && to.send(News::Lost(name, why)).is_err() {
                return;
            }
        }
    }
}

fn lock(followed: &Followed) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
    followed.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Follower {
    server: Arc<Server>,
    watched: Watched,
    to: Sender<News>,
    /// Since a watch lasted.
    failures: u32,
    /// Whether it is told that nothing is heard.
    is_told: bool,
}

impl Follower {
    async fn run(mut self) {
        let mut expired: Option<Instant> = None;
        loop {
            let begun = Instant::now();
            let end = self.stream().await;
            let lasted = begun.elapsed() >= LASTING;
            if lasted {
                self.failures = 0;
            }
            let failure = match end {
                End::Closed => return,
                End::Over if lasted => continue,
                End::Over => Some(Failure::Broken("the watch ended as it began".into())),
                End::Expired if expired.is_some_and(|last| last.elapsed() < SOON) => {
                    Some(Failure::Broken("what was just listed has expired (410)".into()))
                }
                End::Expired => None,
                End::Failed(failure) => Some(failure),
            };
            expired = failure.is_none().then(Instant::now).or(expired);
            if let Some(failure) = failure
                && !self.fail(&failure).await
            {
                return;
            }
            loop {
                match self.list_again().await {
                    Ok(true) => break,
                    Ok(false) => return,
                    Err(failure) => {
                        if !self.fail(&failure).await {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Tells that nothing is heard, once, and waits, longer each time; whether somebody listens.
    async fn fail(&mut self, failure: &Failure) -> bool {
        self.failures += 1;
        let is_told = std::mem::replace(&mut self.is_told, true);
        let lost = News::Lost(self.watched.kind.name(), failure.to_string());
        if !is_told && self.to.send(lost).is_err() {
            return false;
        }
        let doubled = WAITS[0].saturating_mul(1 << (self.failures - 1).min(8));
        sleep(doubled.min(WAITS[1])).await;
        true
    }

    /// Lists the kind, and tells what differs from what is known; whether it is still there.
    async fn list_again(&mut self) -> Result<bool, Failure> {
        let Watched { kind, namespace, .. } = &self.watched;
        let listed = match list::all(&self.server, kind, namespace.as_deref()).await {
            Ok(listed) => listed,
            Err(failure) if failure.is_absent() => {
                if !kinds::is_gone(&self.server, kind).await? {
                    return Err(failure);
                }
                let gone = std::mem::take(&mut self.watched.known).into_keys();
                let _ = self.to.send(News::Changed(gone.map(Change::Remove).collect()));
                return Ok(false);
            }
            Err(failure) => return Err(failure),
        };
        let new = Watched::new(kind.clone(), namespace.clone(), &listed);
        let gone = self.watched.known.keys().filter(|name| !new.known.contains_key(*name));
        let mut changes: Vec<Change> = gone.cloned().map(Change::Remove).collect();
        let differs = |file: &SourceFile| self.watched.known.get(&*file.name) != Some(&file.text);
        changes.extend(listed.files.into_iter().filter(differs).map(Change::Put));
        self.watched = new;
        Ok(changes.is_empty() || self.to.send(News::Changed(changes)).is_ok())
    }

    /// One watch, from the version that is known.
    async fn stream(&mut self) -> End {
        let Watched { kind, namespace, version, .. } = &self.watched;
        let path = format!(
            "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={LIFE}&resourceVersion={}{}",
            kind.path(namespace.as_deref()),
            encoded(version),
            list::selector(kind)
        );
        let body = match self.server.open(&path, kind.accept_one()).await {
            Ok(body) => body,
            Err(failure) if failure.is_expired() => return End::Expired,
            Err(failure) => return End::Failed(failure),
        };
        if std::mem::take(&mut self.is_told)
            && self.to.send(News::Found(self.watched.kind.name())).is_err()
        {
            return End::Closed;
        }
        let mut lines = Lines::new(body);
        loop {
            match lines.next(SILENCE).await {
                Ok(Some(lines)) => {
                    if let Some(end) = self.lines(&lines) {
                        return end;
                    }
                }
                Ok(None) => return End::Over,
                Err(failure) => return End::Failed(failure),
            }
        }
    }

    /// What whole lines of a watch say; why it ends, if it does.
    fn lines(&mut self, lines: &[u8]) -> Option<End> {
        let mut changes = Vec::new();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut end = None;
        for line in lines {
            match self.line(line) {
                Ok(change) => changes.extend(change),
                Err(why) => {
                    end = Some(why);
                    break;
                }
            }
        }
        if !changes.is_empty() && self.to.send(News::Changed(changes)).is_err() {
            return Some(End::Closed);
        }
        end
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Change>, End> {
        let mut line: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| broken(&format!("a line of the watch is not JSON: {error}")))?;
        let object = line.remove("object").unwrap_or_default();
        let sort = line.get("type").and_then(Value::as_str).unwrap_or_default();
        if sort == "ERROR" {
            let code = object.get("code").and_then(Value::as_u64);
            let message = object.get("message").and_then(Value::as_str).unwrap_or_default();
            return Err(if code == Some(410) { End::Expired } else { broken(message) });
        }
        let version = object.get("metadata").and_then(|meta| meta.get("resourceVersion")?.as_str());
        if let Some(version) = version {
            self.watched.version = version.to_owned();
        }
        if sort == "BOOKMARK" {
            return Ok(None);
        }
        let kind = &self.watched.kind;
        let Some(name) = object.as_object().and_then(|object| object::name(kind, object)) else {
            return Err(broken("an object of the watch has no name"));
        };
        let file =
            if sort == "DELETED" { None } else { object::file(kind, self.watched.form, object) };
        Ok(match file {
            None => self.watched.known.remove(&name).map(|_| Change::Remove(name)),
            // Most changes are of fields that are not kept, or only their version.
            Some(file) => {
                let before = self.watched.known.insert(name, file.text.clone());
                (before.as_ref() != Some(&file.text)).then_some(Change::Put(file))
            }
        })
    }
}

fn broken(why: &str) -> End {
    End::Failed(Failure::Broken(why.to_owned()))
}
