//! The API server as a source.
//!
//! Each kind is watched by a task of its own: a list of all, then what changes. The tasks share
//! nothing but the sink. Some kinds may not be there: [`discovery`] finds out. [`Events`] go the
//! other way: they tell the owner of a policy that it is not enforced as written; and so does
//! [`NodeStatus`], which says what is in force on the node.

mod backoff;
mod connections;
mod decode;
mod discovery;
mod events;
mod follower;
mod json;
mod list;
mod node_status;
mod places;
mod protobuf;
mod request;
mod token;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;
use tokio::runtime::{Builder, Runtime};

use super::{Change, ChangeSink, Source};
use crate::observe::{Reporter, Status};
pub use backoff::Backoff;
use connections::Connections;
use discovery::follow_where_served;
pub use events::{EventPace, Events};
use follower::Follower;
pub use node_status::{NODE_STATUSES, NodeStatus, StatusPace, StatusReader};
use request::{Resource, WatchError};
use token::TokenFile;

/// An API server to follow.
#[derive(Debug)]
pub struct ApiServer {
    /// A kubeconfig file; by default, the agent is a pod with a service account.
    pub kubeconfig: Option<PathBuf>,
    /// How long it may be silent.
    pub patience: Patience,
    /// Where failures are counted.
    pub status: Arc<Status>,
    /// What it is told of policies that are not enforced as written, if it is.
    pub events: Option<Events>,
    /// What it is told of the node, if it is.
    pub node_status: Option<NodeStatus>,
}

/// How long an API server may be silent before its connection counts as broken. Half-open ones
/// look like ones on which nothing happens.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer begins, or goes on.
    pub answer: Duration,
    /// Between two signs of life of a watch. The server sends one each minute.
    pub watch: Duration,
    /// How long a watch is asked for. The server ends it then, and it is begun again elsewhere: so
    /// agents spread again over servers of which one had been away.
    pub life: Duration,
    /// Between two questions whether a kind is served that has to be installed; up to half of it
    /// more, at random.
    pub discovery: Duration,
    /// A list of everything is asked for up to so much later, at random: agents that start together
    /// or whose watches expire together do not ask all at once.
    pub spread: Duration,
    /// How long is waited after failures.
    pub backoff: Backoff,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            watch: Duration::from_secs(90),
            life: Duration::from_secs(240),
            discovery: Duration::from_secs(30),
            spread: Duration::from_secs(1),
            backoff: Backoff::default(),
        }
    }
}

/// What all watches share.
#[derive(Clone)]
struct WatchContext {
    connections: Connections,
    sink: ChangeSink,
    /// Who is told of policies that are not understood.
    reporter: Reporter,
    patience: Patience,
    status: Arc<Status>,
}

impl WatchContext {
    fn send(&self, events: Vec<Event>) -> Result<(), WatchError> {
        let changes = events.into_iter().map(Change::Object).collect();
        self.sink.send(changes).map_err(|_| WatchError::Closed)
    }
}

impl ApiServer {
    async fn connections(&self) -> anyhow::Result<Connections> {
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let shown = path.display();
                let file = Kubeconfig::read_from(path).with_context(|| format!("`{shown}`"))?;
                let options = KubeConfigOptions::default();
                let config = Config::from_custom_kubeconfig(file, &options).await;
                config.with_context(|| format!("`{shown}`"))?
            }
            None => Config::incluster()
                .context("not running in a pod: pass --kubeconfig FILE or --manifests DIR")?,
        };
        config.connect_timeout = Some(self.patience.connect);
        // Watches are silent for long; what is too long is decided here.
        config.read_timeout = None;
        config.default_retry = false;
        // The others are shown by the client itself, and come before a file.
        let auth = &mut config.auth_info;
        let has_other = auth.token.is_some() || auth.username.is_some();
        let file = if has_other { None } else { auth.token_file.take() };
        if file.is_some() {
            // It comes after a file, and would be shown in its place.
            auth.exec = None;
        }
        let token = file.map(|path| TokenFile::read(path.into())).transpose()?;
        Connections::new(config, token)
    }

    async fn follow_all(mut self, connections: Connections, to: ChangeSink) {
        let events = self.events.take();
        let reporter = events.as_ref().map(Events::reporter).unwrap_or_default();
        if let Some(events) = events {
            tokio::spawn(events.run(connections.clone(), self.patience));
        }
        if let Some(node_status) = self.node_status.take() {
            tokio::spawn(node_status.run(connections.clone(), self.patience));
        }
        let (patience, status) = (self.patience, Arc::clone(&self.status));
        let context = WatchContext { connections, sink: to, reporter, patience, status };
        tokio::time::sleep(backoff::between(patience.spread)).await;
        let mut tasks = tokio::task::JoinSet::new();
        let known = discovery::Known::default();
        for kind in Stored::ALL {
            let context = context.clone();
            match places::is_optional(kind) {
                true => tasks.spawn(follow_where_served(context, kind, known.clone())),
                false => tasks.spawn(async move {
                    Follower::new(context, Resource::of(kind)).run().await;
                }),
            };
        }
        while tasks.join_next().await.is_some() {}
    }
}

impl Source for ApiServer {
    fn start(self: Box<Self>, to: ChangeSink) -> anyhow::Result<()> {
        let runtime = runtime()?;
        let connections = runtime.block_on(self.connections())?;
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || runtime.block_on(self.follow_all(connections, to)))
            .context("could not start a thread")?;
        Ok(())
    }
}

/// One thread reads everything: no more is needed, and memory is dearer than time.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("could not start the watch")
}
