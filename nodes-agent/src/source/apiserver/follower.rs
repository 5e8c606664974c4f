//! Watching one kind: a list of all, then what changes, for ever.
//!
//! What is known stays until a new list is complete: a server that is away says nothing about
//! what there is.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use kube::client::Body;
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;
use tokio::time::{sleep, timeout};

use super::decode::{WatchFrame, WatchLine, line};
use super::json::{Page, objects};
use super::request::{Form, Resource, WatchError, ask};
use super::{WatchContext, backoff, protobuf};

/// After so many refusals in a row another way is tried, or all is listed again.
const ENOUGH: u32 = 5;

/// Watches one kind.
pub struct Follower {
    context: WatchContext,
    resource: Resource,
    /// What has come, as the server counts; none before a whole list.
    version: Option<String>,
    way: ListBy,
    /// How a watch is to be written.
    form: Form,
    /// Failures in a row, and how many of them the server is to blame for.
    failures: u32,
    refusals: u32,
}

/// How a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListBy {
    /// As the beginning of a watch: the server sends it from memory, object by object.
    Watch,
    /// In pages: all servers know that.
    Pages,
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
        let (version, way, failures, refusals) = (None, ListBy::Watch, 0, 0);
        // Of the other kinds there are few.
        let form = if resource.kind == Stored::Pod { Form::Protobuf } else { Form::Json };
        Self { context, resource, version, way, form, failures, refusals }
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
        match (&self.version, self.way) {
            (None, ListBy::Pages) => self.list().await,
            _ => self.watch().await,
        }
    }

    async fn recover(&mut self, error: &WatchError) {
        let listing = self.version.is_none();
        if error.is_expired() && !listing {
            tracing::info!(kind = self.resource.name, "watch expired (410); listing again");
            self.version = None;
            return;
        }
        if matches!(error, WatchError::Frame(_)) {
            // Whoever writes such frames may write better lines.
            self.form = Form::Json;
        }
        self.failures = self.failures.saturating_add(1);
        // A server that is away says nothing about what was known: only one that refuses does.
        self.refusals += u32::from(error.is_refusal());
        let beyond = error.is_beyond_server() || self.refusals == ENOUGH;
        if beyond && listing && self.way == ListBy::Watch {
            tracing::info!(kind = self.resource.name, %error, "the server does not stream lists; listing in pages");
            self.way = ListBy::Pages;
            return;
        }
        if self.refusals >= ENOUGH {
            self.version = None;
        }
        let wait = backoff::after(self.failures);
        let kind = self.resource.name;
        tracing::warn!(kind, %error, ?wait, "watch interrupted; retrying");
        self.context.status.metrics.watch_errors.inc();
        if error.is_forbidden() && self.version.is_none() {
            self.context.status.not_listed(kind, error);
        }
        sleep(wait).await;
    }

    /// All objects, page by page.
    async fn list(&mut self) -> Result<(), WatchError> {
        self.send(vec![Event::Begin(self.resource.kind)])?;
        let mut next: Option<String> = None;
        loop {
            let path = self.resource.page(next.as_deref());
            let (_, mut body) =
                ask(&self.context.client, &path, (Form::Json, self.context.patience)).await?;
            let mut text = Vec::new();
            while read(&mut body, &mut text, self.context.patience.answer).await? {}
            let page: Page<'_> = serde_json::from_slice(&text)?;
            self.send(objects(&page, self.resource, &self.context.reporter))?;
            next = page.metadata.next.filter(|token| !token.is_empty());
            if next.is_none() {
                return self.listed(page.metadata.resource_version);
            }
        }
    }

    fn listed(&mut self, version: String) -> Result<(), WatchError> {
        self.version = Some(version);
        (self.failures, self.refusals) = (0, 0);
        self.context.status.listed(self.resource.name);
        self.send(vec![Event::End(self.resource.kind)])
    }

    /// What changes from the known version on, until the server ends it.
    async fn watch(&mut self) -> Result<(), WatchError> {
        if self.version.is_none() {
            self.send(vec![Event::Begin(self.resource.kind)])?;
        }
        let life = self.context.patience.life;
        let life = life + backoff::between(life / 2);
        let path = self.resource.watch(self.version.as_deref(), life.as_secs().max(1));
        let (form, mut body) =
            ask(&self.context.client, &path, (self.form, self.context.patience)).await?;
        let begun = Instant::now();
        let mut text: Vec<u8> = Vec::new();
        while read(&mut body, &mut text, self.context.patience.watch).await? {
            let mut lines = Vec::new();
            let outcome = match form {
                Form::Json => take_lines(&mut text, &mut lines),
                Form::Protobuf => protobuf::take_frames(&mut text, &mut lines),
            };
            self.take_all(&lines)?;
            outcome?;
        }
        // One that ends at once did not come to be: some proxies do that.
        let early = self.version.is_none() || begun.elapsed() < Duration::from_secs(1);
        if early { Err(WatchError::Early) } else { Ok(()) }
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
        (self.failures, self.refusals) = (0, 0);
        match line {
            WatchLine::Object(event, version) => {
                events.push(event);
                // Until the list is whole, a watch cannot go on from where it broke off.
                self.version = self.version.take().map(|_| version);
            }
            WatchLine::Bookmark(version) => self.version = self.version.take().map(|_| version),
            WatchLine::Listed(version) => {
                self.version = Some(version);
                self.context.status.listed(self.resource.name);
                events.push(Event::End(self.resource.kind));
            }
        }
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

/// Reads on; whether there was more.
async fn read(body: &mut Body, into: &mut Vec<u8>, patience: Duration) -> Result<bool, WatchError> {
    let silent = |_| WatchError::Silent(patience.as_secs());
    let Some(frame) = timeout(patience, body.frame()).await.map_err(silent)? else {
        return Ok(false);
    };
    if let Ok(bytes) = frame?.into_data() {
        into.extend_from_slice(&bytes);
    }
    Ok(true)
}
