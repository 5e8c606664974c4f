//! Watching one kind: a list of all, then what changes, for ever.
//!
//! What is known stays until a new list is complete: a server that is away says nothing about
//! what there is.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use kube::client::Body;
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;
use tokio::time::sleep;

use super::decode::{WatchFrame, WatchLine, line};
use super::json::{Page, PageMeta, objects};
use super::list::ListParts;
use super::request::{Form, ListRequest, Resource, WatchError, ask, spoken};
use super::{Patience, WatchContext, backoff, protobuf};

/// After so many answers in a row that make no sense, all is listed again: going on from where they
/// begin would bring the same ones.
const ENOUGH: u32 = 5;

/// A watch that is over in less time did not come to be: some proxies do that.
const EARLY: Duration = Duration::from_secs(1);

/// Watches one kind.
pub struct Follower {
    context: WatchContext,
    resource: Resource,
    /// What has come, as the server counts; none before a whole list.
    version: Option<String>,
    /// The last of them, also when what came after it is not known any more.
    seen: Option<String>,
    list_by: ListBy,
    /// How a watch is to be written.
    form: Form,
    /// Since a watch was last well for long: failures; how often what was known expired; and
    /// answers in a row that make no sense.
    failures: u32,
    expired: u32,
    unreadable: u32,
}

/// How a list is asked for. Each one is tried as a watch first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListBy {
    /// As the beginning of a watch: the server sends it from memory, object by object.
    Watch,
    /// From memory, as one answer: all servers know that.
    Memory,
    /// From its store, in pages: where what it has in memory is too old.
    Store,
}

/// Why a watch has ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nobody listens any more.
    Closed,
    /// The server says that there is no such kind. Only of one that it may lack.
    NotServed,
}

impl Follower {
    /// A follower that knows nothing yet.
    pub fn new(context: WatchContext, resource: Resource) -> Self {
        // Of the other kinds there are few.
        let form = if resource.kind == Stored::Pod { Form::Protobuf } else { Form::Json };
        let (version, seen, list_by) = (None, None, ListBy::Watch);
        let (failures, expired, unreadable) = (0, 0, 0);
        Self { context, resource, version, seen, list_by, form, failures, expired, unreadable }
    }

    /// Watches for ever, but for what is said of [`Ended`].
    pub async fn run(mut self) -> Ended {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(WatchError::Closed) => return Ended::Closed,
                Err(error) if self.resource.is_optional() && error.is_absent() => {
                    return Ended::NotServed;
                }
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn step(&mut self) -> Result<(), WatchError> {
        if self.version.is_some() {
            return self.watch().await;
        }
        self.context.status.metrics.lists.inc();
        self.send(vec![Event::Begin(self.resource.kind)])?;
        match self.list_by {
            ListBy::Watch => self.watch().await,
            ListBy::Memory | ListBy::Store => self.list().await,
        }
    }

    /// Waits before the next attempt, and says how it is made.
    ///
    /// A server that is away, or has too much to do, says nothing about what was known: watching
    /// goes on from there. To list again would be more of what it has too much of.
    async fn recover(&mut self, error: &WatchError) {
        let kind = self.resource.name;
        if let Some(version) = self.version.take_if(|_| error.is_expired()) {
            tracing::info!(kind, version, "watch expired (410); listing again");
            return sleep(self.wait_to_list()).await;
        }
        self.failures = self.failures.saturating_add(1);
        self.unreadable = if error.is_unreadable() { self.unreadable + 1 } else { 0 };
        if matches!(error, WatchError::Frame(_)) {
            // Whoever writes such frames may write better lines.
            self.form = Form::Json;
        }
        if self.version.is_none() && self.lists_otherwise(error) {
            return;
        }
        if self.unreadable >= ENOUGH {
            (self.version, self.unreadable) = (None, 0);
        }
        let wait = self.context.patience.backoff.wait(self.failures, error.retry_after());
        tracing::warn!(kind, %error, ?wait, "watch interrupted; retrying");
        self.context.status.metrics.watch_errors.inc();
        if error.is_forbidden() && self.version.is_none() {
            self.context.status.not_listed(kind, error);
        }
        sleep(wait).await;
    }

    /// How long to wait before a new list: other agents' watches expire at the same time. Where that
    /// goes on and on, longer and longer.
    fn wait_to_list(&mut self) -> Duration {
        let Patience { spread, backoff, .. } = self.context.patience;
        let spread = backoff::between(spread);
        let again = if self.expired > 0 { backoff.wait(self.expired, None) } else { spread };
        self.expired = self.expired.saturating_add(1);
        again.max(spread)
    }

    /// Lists in another way if the server cannot answer to this one at all; whether it does at once.
    fn lists_otherwise(&mut self, error: &WatchError) -> bool {
        let kind = self.resource.name;
        match self.list_by {
            ListBy::Watch if error.is_beyond_server() => {
                tracing::info!(kind, %error, "the server does not stream this list; listing at once");
                self.list_by = ListBy::Memory;
                true
            }
            ListBy::Memory if error.is_expired() || error.is_ahead_of_server() => {
                tracing::info!(kind, %error, "the server has no list in memory; listing in pages");
                self.list_by = ListBy::Store;
                false
            }
            _ => false,
        }
    }

    /// All objects, in one answer or page by page.
    async fn list(&mut self) -> Result<(), WatchError> {
        let mut request = match (self.list_by, &self.seen) {
            (ListBy::Store, _) => ListRequest::Page(None),
            (_, None) => ListRequest::Any,
            (_, Some(version)) => ListRequest::NotOlderThan(version.clone()),
        };
        loop {
            let page = self.page(&request).await?;
            match page.next.filter(|token| !token.is_empty()) {
                Some(token) => request = ListRequest::Page(Some(token)),
                None => {
                    let end = self.listed(page.resource_version);
                    return self.send(vec![end]);
                }
            }
        }
    }

    /// Takes the objects of an answer as they come; what it says of itself.
    async fn page(&self, request: &ListRequest) -> Result<PageMeta, WatchError> {
        let patience = self.context.patience;
        // It begins only when the server has all of it.
        let patience = Patience { answer: patience.answer * 2, ..patience };
        let path = self.resource.list(request);
        let (_, mut body) = ask(&self.context.connections, &path, (Form::Json, patience)).await?;
        let (mut parts, mut text) = (ListParts::default(), Vec::new());
        while self.read((&mut body, &mut text), patience.answer).await? {
            self.context.status.heard(self.resource.name);
            parts.push(&text);
            text.clear();
            if let Some(batch) = parts.full_batch() {
                self.send_objects(&batch)?;
            }
        }
        let (rest, page) = parts.end()?;
        self.send_objects(&rest)?;
        Ok(page)
    }

    fn send_objects(&self, list: &[u8]) -> Result<(), WatchError> {
        let list: Page<'_> = serde_json::from_slice(list)?;
        self.send(objects(&list, self.resource, &self.context.reporter))
    }

    /// A list is whole; what says so.
    fn listed(&mut self, version: String) -> Event {
        self.seen = Some(version.clone());
        (self.version, self.list_by, self.unreadable) = (Some(version), ListBy::Watch, 0);
        self.context.status.listed(self.resource.name);
        Event::End(self.resource.kind)
    }

    /// What changes from the known version on, until the server ends it.
    async fn watch(&mut self) -> Result<(), WatchError> {
        let Patience { life, backoff, .. } = self.context.patience;
        let life = life + backoff::between(life / 2);
        let path = self.resource.watch(self.version.as_deref(), life.as_secs().max(1));
        let answer =
            ask(&self.context.connections, &path, (self.form, self.context.patience)).await?;
        let begun = Instant::now();
        let outcome = self.take_watch(answer).await;
        let lasted = begun.elapsed();
        self.failures = backoff.still_count(self.failures, lasted);
        if backoff.is_stable(lasted) {
            self.expired = 0;
        }
        outcome?;
        if self.version.is_none() || lasted < EARLY {
            return Err(WatchError::Early);
        }
        if lasted + EARLY < life {
            // The server ends all of them when it stops.
            sleep(backoff::between(backoff.first)).await;
        }
        Ok(())
    }

    async fn take_watch(&mut self, (form, mut body): (Form, Body)) -> Result<(), WatchError> {
        let mut text: Vec<u8> = Vec::new();
        self.context.status.heard(self.resource.name);
        while self.read((&mut body, &mut text), self.context.patience.watch).await? {
            self.context.status.heard(self.resource.name);
            let mut lines = Vec::new();
            let outcome = match form {
                Form::Json => take_lines(&mut text, &mut lines),
                Form::Protobuf => protobuf::take_frames(&mut text, &mut lines),
            };
            self.take_all(&lines)?;
            outcome?;
        }
        Ok(())
    }

    /// Takes the lines of a watch.
    fn take_all(&mut self, lines: &[WatchFrame]) -> Result<(), WatchError> {
        let (mut events, mut outcome) = (Vec::new(), Ok(()));
        for one in lines {
            match line(one, self.resource, &self.context.reporter) {
                Ok(line) => self.take(line, &mut events),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        // What came before a fault counts: the version says so.
        self.send(events)?;
        outcome
    }

    fn take(&mut self, line: WatchLine, events: &mut Vec<Event>) {
        self.unreadable = 0;
        match line {
            WatchLine::Object(event, version) => {
                events.push(event);
                self.passed(version);
            }
            WatchLine::Bookmark(version) => self.passed(version),
            WatchLine::Listed(version) => events.push(self.listed(version)),
        }
    }

    /// All up to a version has come, unless a list is on its way: until that is whole, a watch
    /// cannot go on from where it broke off.
    fn passed(&mut self, version: String) {
        if self.version.is_some() {
            self.seen = Some(version.clone());
            self.version = Some(version);
        }
    }

    /// Reads on; whether there was more.
    async fn read(
        &self,
        (body, into): (&mut Body, &mut Vec<u8>),
        patience: Duration,
    ) -> Result<bool, WatchError> {
        let frame = spoken(&self.context.connections, patience, body.frame()).await?;
        let Some(frame) = frame else { return Ok(false) };
        if let Ok(bytes) = frame?.into_data() {
            into.extend_from_slice(&bytes);
        }
        Ok(true)
    }

    fn send(&self, events: Vec<Event>) -> Result<(), WatchError> {
        if events.is_empty() { Ok(()) } else { self.context.send(events) }
    }
}

/// Takes the lines that are whole out of the text of a watch.
fn take_lines(text: &mut Vec<u8>, lines: &mut Vec<WatchFrame>) -> Result<(), WatchError> {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
    let rest = text.split_off(end + 1);
    let whole = std::mem::replace(text, rest);
    let all = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.extend(all.map(|line| WatchFrame::Json(line.to_vec())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use kube::Config;

    use super::super::connections::Connections;
    use super::*;
    use crate::observe::{Reporter, Status};
    use crate::source::ChangeSink;

    fn follower() -> Follower {
        let (to, _) = channel();
        let config = Config::new("http://127.0.0.1:1".parse().unwrap());
        let context = WatchContext {
            connections: Connections::new(config, None).unwrap(),
            sink: ChangeSink::from(to),
            reporter: Reporter::default(),
            patience: Patience::default(),
            status: std::sync::Arc::<Status>::default(),
        };
        Follower::new(context, Resource::of(Stored::Namespace))
    }

    #[tokio::test]
    async fn neither_a_change_nor_a_list_ends_the_pauses() {
        let mut follower = follower();
        (follower.failures, follower.expired) = (7, 2);
        let mut events = Vec::new();
        follower.take(WatchLine::Listed("5".into()), &mut events);
        follower.take(WatchLine::Bookmark("6".into()), &mut events);
        let gone = Event::Gone(Stored::Namespace, ("".into(), "a".into()));
        follower.take(WatchLine::Object(gone, "7".into()), &mut events);
        assert_eq!((follower.failures, follower.expired), (7, 2));
        assert_eq!(follower.version.as_deref(), Some("7"));
    }

    #[tokio::test]
    async fn one_expiry_is_listed_at_once_and_many_are_not() {
        let mut follower = follower();
        let spread = follower.context.patience.spread;
        assert!((0..50).all(|_| {
            follower.expired = 0;
            follower.wait_to_list() <= spread
        }));
        follower.expired = 9;
        assert!((0..50).any(|_| follower.wait_to_list() > spread));
    }
}
