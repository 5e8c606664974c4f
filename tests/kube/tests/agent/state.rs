//! The state that a watch has led to, and the one that lists tell.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kube::Client;
use portcullis_agent::observe::Status;
use portcullis_agent::source::apiserver::{ApiServer, NodeStatus, Patience};
use portcullis_agent::source::{Change, ChangeSink, Changes, Source as _};
use portcullis_engine::cluster::{
    self, AddressSpace, AskedLabels, ClusterModel, ItemLabels, Undeclared,
};
use portcullis_engine::dataplane::{
    Input, Settings, UNKNOWN_WIRING, ipset_restore, iptables_restore, lower, verify,
};
use portcullis_engine::live::{Event, Index};
use portcullis_engine::manifest::{Account, Body, CalicoKind, Meta, Object, Stored, read_stored};
use portcullis_engine::policy::{PolicySet, asks};
use portcullis_engine::{Options, Session};
use portcullis_kube::{CLUSTER_POLICIES, CalicoGroup};
use serde_json::Value;

/// Where ClusterNetworkPolicies are on a server that only serves the earlier version.
pub const EARLIER_CLUSTER_POLICIES: &str =
    "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies";

/// How long a change may be on its way, on a busy machine, through pauses between attempts.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is compared: programs of the nodes, and labels of namespaces.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    programs: Vec<String>,
    /// Namespaces that are declared.
    pub namespaces: BTreeMap<Arc<str>, String>,
    nodes: BTreeMap<Arc<str>, String>,
}

impl State {
    fn of(model: &ClusterModel, policies: &PolicySet) -> Self {
        let program = |node: &str| {
            let settings = Settings::default();
            let input =
                Input { model, policies, node, settings: &settings, wiring: &UNKNOWN_WIRING };
            let program = lower(input);
            verify(&program, input).unwrap();
            let families = program.families.values();
            let text = families.map(|f| ipset_restore(f) + &iptables_restore(f, &|_| None));
            text.collect::<String>()
        };
        let declared = model.namespaces.values().filter(|namespace| namespace.declared);
        let nodes = model.nodes.iter().filter(|node| node.declared);
        Self {
            programs: ["n1", "n2"].map(program).into(),
            namespaces: declared.map(|n| (n.name.clone(), format!("{:?}", n.labels))).collect(),
            nodes: nodes.map(|n| (n.name.clone(), format!("{:?}", n.addresses))).collect(),
        }
    }
}

/// What is at a path; none if the server says that it does not have it.
async fn list(client: &Client, path: &str) -> Option<Value> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    match client.request_text(request).await {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Where ClusterNetworkPolicies are, if anywhere.
async fn cluster_policies(client: &Client) -> &'static str {
    match list(client, CLUSTER_POLICIES).await {
        Some(_) => CLUSTER_POLICIES,
        None => EARLIER_CLUSTER_POLICIES,
    }
}

/// Which of Calico's groups counts: the stored one, if it has anything.
async fn calico_group(client: &Client) -> CalicoGroup {
    let stored = CalicoGroup::Stored;
    match list(client, &stored.path(CalicoKind::GlobalNetworkPolicy)).await {
        Some(_) => stored,
        None => CalicoGroup::Public,
    }
}

/// The state that lists tell.
pub async fn afresh(client: &Client) -> State {
    let (mut objects, mut accounts) = (Vec::new(), Vec::new());
    let group = calico_group(client).await;
    for kind in Stored::ALL {
        let path = match kind {
            Stored::Pod => "/api/v1/pods",
            Stored::Namespace => "/api/v1/namespaces",
            Stored::Node => "/api/v1/nodes",
            Stored::Account => "/api/v1/serviceaccounts",
            Stored::Policy => "/apis/networking.k8s.io/v1/networkpolicies",
            Stored::ClusterPolicy => cluster_policies(client).await,
            Stored::Calico(kind) => &group.path(kind),
        };
        let Some(list) = list(client, path).await else {
            let may_lack = matches!(kind, Stored::ClusterPolicy | Stored::Calico(_));
            assert!(may_lack, "{path} is not there");
            continue;
        };
        for item in list.get("items").and_then(Value::as_array).unwrap() {
            let (object, findings) = read_stored(&item.to_string(), kind);
            assert!(findings.is_empty(), "{findings:?}");
            let object = object.unwrap();
            if let Body::Account = object.body {
                let Meta { namespace, name, labels, .. } = object.meta.clone();
                let account = Account { namespace: namespace.clone(), name, labels };
                accounts.push((namespace.unwrap(), account));
            }
            objects.push(Arc::new(object));
        }
    }
    let asks = |object: &Arc<Object>| match &object.body {
        Body::CalicoPolicy(policy) => asks(policy),
        _ => Vec::new(),
    };
    let of_accounts =
        { objects.iter().flat_map(asks) }.any(|(key, _)| ItemLabels::is_of_account(&key));
    let model = cluster::build(cluster::Input {
        accounts: &accounts,
        objects: &objects,
        default_namespace: "default",
        asked: &AskedLabels { of_accounts, ..AskedLabels::default() },
        space: &AddressSpace::default(),
        undeclared: &Undeclared { unlabelled: true, ..Undeclared::default() },
        automatic_hosts: false,
    });
    let is_policy = |object: &&Arc<Object>| object.is_policy();
    let policies = objects.iter().filter(is_policy);
    let policies: Vec<Arc<Object>> = policies.cloned().collect();
    State::of(&model, &PolicySet::compile(&model, "default", &policies))
}

/// A watch, and what it has told.
pub struct Watched {
    messages: Receiver<Changes>,
    index: Index,
    lists: Vec<Stored>,
    status: Arc<Status>,
    before: Option<State>,
}

impl Watched {
    /// A watch that begins.
    pub fn start(kubeconfig: &Path, patience: Patience) -> Self {
        Self::start_with(kubeconfig, patience, |_| None)
    }

    /// One whose agent writes what it says of itself to the API server.
    pub fn start_with(
        kubeconfig: &Path,
        patience: Patience,
        node_status: impl FnOnce(Arc<Status>) -> Option<NodeStatus>,
    ) -> Self {
        let (to, messages) = channel();
        let status = Arc::<Status>::default();
        let node_status = node_status(Arc::clone(&status));
        let kubeconfig = Some(kubeconfig.to_owned());
        let events = None;
        let status_there = Arc::clone(&status);
        let source =
            Box::new(ApiServer { kubeconfig, patience, status: status_there, events, node_status });
        // Not from within the test's own runtime.
        std::thread::spawn(move || source.start(ChangeSink::from(to))).join().unwrap().unwrap();
        let index = Index::new(Options::default());
        Self { messages, index, lists: Vec::new(), status, before: None }
    }

    /// Listens until nothing has come for a moment, or for so long.
    pub fn hear(&mut self, at_most: Duration) {
        let end = Instant::now() + at_most;
        while let Ok(changes) =
            self.messages.recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            for change in changes.changes {
                let Change::Object(event) = change else { panic!("a file") };
                if let Event::Begin(kind) = event {
                    self.lists.push(kind);
                }
                self.index.take(event);
            }
        }
    }

    /// Listens until the state is the one that lists tell, which has changed.
    pub async fn becomes(&mut self, client: &Client, what: &str) {
        let wanted = afresh(client).await;
        assert_ne!(self.before.as_ref(), Some(&wanted), "{what}: nothing has changed");
        let start = Instant::now();
        loop {
            self.hear(Duration::from_millis(20));
            if self.is_complete() && self.state() == wanted {
                break;
            }
            if start.elapsed() > PATIENCE {
                assert!(self.is_complete(), "{what}: not all kinds have been listed");
                assert_eq!(self.state(), wanted, "{what}");
            }
        }
        println!("{what}: {} ms", start.elapsed().as_millis());
        self.before = Some(wanted);
    }

    /// Checks that the state is the one that lists tell, as it was before.
    pub async fn stays(&mut self, client: &Client) {
        assert_eq!(Some(&afresh(client).await), self.before.as_ref(), "what lists tell");
        assert_eq!(Some(&self.state()), self.before.as_ref(), "what the watch tells");
    }

    /// What the agent knows of itself.
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// What the watch has told, once there is such a thing.
    pub fn session(&mut self) -> Session {
        self.index.session()
    }

    fn state(&mut self) -> State {
        let session: Session = self.session();
        State::of(session.model(), session.policies())
    }

    /// How often a list of a kind has begun.
    pub fn lists(&self, kind: Stored) -> usize {
        self.lists.iter().filter(|listed| **listed == kind).count()
    }

    /// Whether all kinds have been listed.
    pub fn is_complete(&self) -> bool {
        self.index.is_complete()
    }

    /// Why the agent would not be ready for what it may not list; none if it may list all.
    pub fn obstacle(&self) -> Option<String> {
        // Nothing is applied here, which is the other obstacle.
        self.status.ready();
        self.status.obstacle()
    }

    /// How many namespaces are declared.
    pub fn namespaces(&mut self) -> usize {
        self.state().namespaces.len()
    }

    /// How often the watch was interrupted.
    pub fn errors(&self) -> u64 {
        self.status.metrics.watch_errors.get()
    }
}
