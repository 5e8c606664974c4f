//! Everything that has been read, as one value.

mod applied;
mod edit;
mod gather;
mod options;
mod suppose;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::cluster::{self, AddressSpace, AskedLabels, ClusterModel};
use crate::folder::{Skipped, SkippedKind};
use crate::manifest::{Document, ForeignKind, Object, SourceFile, calico};
pub use crate::policy::Identity;
use crate::policy::{Considered, PolicySet};
use gather::{
    Gathered, Renamed, accounts, asked_by_services, asked_labels, changed, gather, identity,
    other_documents,
};
pub use options::{DomainName, NamespaceLabel, Options};

/// A change of the input.
#[derive(Clone, Debug)]
pub enum Change {
    /// A file is new, or replaces the one of its name.
    Put(SourceFile),
    /// The file of this name is gone.
    Remove(String),
}

/// Files, the cluster that they describe and its compiled policies.
///
/// An immutable value: [`Session::apply`] makes the next one, which shares all that did not
/// change.
#[derive(Clone, Debug)]
pub struct Session {
    options: Options,
    files: Vec<Arc<SourceFile>>,
    world: Arc<World>,
    set: Arc<PolicySet>,
    /// Policies whose identity stands before already, by file and part.
    repeated_policies: Vec<Repeated>,
    /// Policies that the API server makes names for.
    renamed_policies: Renamed,
    origins: OnceLock<Arc<Origins>>,
    /// What the front end found beside the files and did not read.
    skipped: Arc<[Skipped]>,
    // Counted when an answer is first given.
    not_judged: OnceLock<BTreeMap<ForeignKind, u32>>,
    rejected: OnceLock<BTreeMap<ForeignKind, u32>>,
}

/// File and part of objects, by address.
type Origins = FxHashMap<usize, (usize, usize)>;

/// All but the policies.
#[derive(Clone, Debug)]
struct World {
    model: Arc<ClusterModel>,
    /// Documents that it was made from, by address; they live as long as the files.
    documents: Vec<usize>,
    asked: AskedLabels,
    policy_namespaces: BTreeSet<Arc<str>>,
    repeated: Vec<Repeated>,
    renamed: Renamed,
}

/// An object that replaces an earlier one of its identity.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// Index of its file.
    pub file: usize,
    /// Index of its part in the file.
    pub part: usize,
    /// The object.
    pub object: Arc<Object>,
    /// The one that it replaces, which may have replaced another.
    pub first: Arc<Object>,
}

impl Session {
    /// A session that has read nothing.
    pub fn new(options: Options) -> Self {
        let model = Arc::new(ClusterModel::default());
        let set = Arc::new(PolicySet::compile(&model, &options.default_namespace, &[]));
        Self::of(options, model, set)
    }

    /// A session of what was not read from files.
    pub(crate) fn of(options: Options, model: Arc<ClusterModel>, set: Arc<PolicySet>) -> Self {
        let world = Arc::new(World {
            model,
            documents: Vec::new(),
            asked: AskedLabels::default(),
            policy_namespaces: BTreeSet::new(),
            repeated: Vec::new(),
            renamed: Renamed::default(),
        });
        Self {
            options,
            files: Vec::new(),
            world,
            set,
            repeated_policies: Vec::new(),
            renamed_policies: Renamed::default(),
            origins: OnceLock::new(),
            skipped: Arc::default(),
            not_judged: OnceLock::new(),
            rejected: OnceLock::new(),
        }
    }

    /// The session, with what lies beside its files and was not read: every answer names it.
    #[must_use]
    pub fn with_skipped(mut self, skipped: Vec<Skipped>) -> Self {
        self.skipped = skipped.into();
        self
    }

    /// The session, with more of that.
    #[must_use]
    pub fn with_more_skipped(self, more: Vec<Skipped>) -> Self {
        let skipped = self.skipped.iter().cloned().chain(more).collect();
        self.with_skipped(skipped)
    }

    /// What lies beside the files and was not read, and files of it that are no manifests.
    pub fn skipped(&self) -> Vec<Skipped> {
        let foreign = self.files.iter().filter(|file| file.is_foreign);
        let paths: Vec<String> = foreign.map(|file| file.name.to_string()).collect();
        let foreign = Skipped { what: SkippedKind::NotManifest, paths };
        let known = self.skipped.iter().cloned();
        known.chain((!foreign.paths.is_empty()).then_some(foreign)).collect()
    }

    /// The session after some changes.
    ///
    /// # Cost
    /// Documents whose text has not changed are not read again; where only policies changed,
    /// only groups that they select get new programs.
    #[must_use]
    pub fn apply(&self, changes: Vec<Change>) -> Self {
        let mut files = self.files.clone();
        for change in changes {
            let (name, file) = match change {
                Change::Put(file) => (file.name.to_string(), Some(Arc::new(file))),
                Change::Remove(name) => (name, None),
            };
            let at = files.binary_search_by(|known| (*known.name).cmp(&name));
            match (at, file) {
                (Ok(at), Some(file)) => {
                    if let Some(slot) = files.get_mut(at) {
                        *slot = file;
                    }
                }
                (Ok(at), None) => {
                    files.remove(at);
                }
                (Err(at), Some(file)) => files.insert(at, file),
                (Err(_), None) => {}
            }
        }
        self.with_files(files)
    }

    /// The file as a change, with the documents that an earlier version of it shares.
    pub fn reread(&self, name: &str, bytes: &[u8]) -> Change {
        let before = self.files.iter().find(|file| *file.name == *name);
        Change::Put(match before {
            Some(before) => SourceFile::update(name, bytes, before),
            None => SourceFile::new(name, bytes),
        })
    }

    /// How many objects there are of each kind that decides traffic and is not understood: no
    /// answer counts them.
    pub fn not_judged(&self) -> &BTreeMap<ForeignKind, u32> {
        self.not_judged.get_or_init(|| {
            let mut counts = self.counted(|document| &document.not_judged);
            let without_template = self.model().without_template;
            if without_template > 0 {
                let kind = "Rollout without its template".to_owned();
                counts.insert(ForeignKind { kind, group: "argoproj.io".into() }, without_template);
            }
            counts
        })
    }

    /// How many policies there are of each kind that API servers reject: they are not in force.
    pub fn rejected(&self) -> &BTreeMap<ForeignKind, u32> {
        self.rejected.get_or_init(|| self.counted(|document| &document.rejected))
    }

    fn counted(&self, of: impl Fn(&Document) -> &[ForeignKind]) -> BTreeMap<ForeignKind, u32> {
        let mut counts = BTreeMap::new();
        let parts = self.files.iter().flat_map(|file| &file.parts);
        for kind in parts.flat_map(|part| of(&part.document)) {
            *counts.entry(kind.clone()).or_default() += 1;
        }
        counts
    }

    fn with_files(&self, files: Vec<Arc<SourceFile>>) -> Self {
        match edit::policies_only(self, &files) {
            Some(changes) if self.set.is_compact() => {
                let default = &self.options.default_namespace;
                let set = PolicySet::clone(&self.set).update(self.model(), default, &changes);
                let renamed_policies = self.renamed_policies.clone();
                Self { renamed_policies, ..self.next(files, Arc::clone(&self.world), set) }
            }
            _ => self.with_all_files(files),
        }
    }

    /// All objects are gathered and compared with what there was.
    fn with_all_files(&self, files: Vec<Arc<SourceFile>>) -> Self {
        let default = &self.options.default_namespace;
        let is_policy = Object::is_policy;
        let Gathered { objects: policies, repeated, renamed } = gather(&files, default, is_policy);
        let policy_namespaces: BTreeSet<Arc<str>> =
            policies.keys().map(|(_, namespace, _)| namespace.clone()).collect();
        let documents = other_documents(&files);
        let same_documents =
            documents == self.world.documents && policy_namespaces == self.world.policy_namespaces;
        let open_namespaces = !same_documents || self.model().has_open_namespaces();
        let mut asked = asked_labels(policies.values(), open_namespaces);
        asked_by_services(&mut asked, &files);
        let same_world = same_documents && asked == self.world.asked;
        let (world, set) = if same_world && self.set.is_compact() {
            let before = gather(&self.files, default, is_policy).objects;
            let changes = changed(&before, &policies);
            let set = PolicySet::clone(&self.set).update(&self.world.model, default, &changes);
            (Arc::clone(&self.world), set)
        } else {
            let world = self.build_world(&files, &policies, (documents, asked, policy_namespaces));
            let mut sorted: Vec<_> = policies.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
            let sorted: Vec<_> = sorted.into_iter().map(|(_, object)| object.clone()).collect();
            let set = PolicySet::compile(&world.model, default, &sorted);
            (Arc::new(world), set)
        };
        let next = self.next(files, world, set);
        Self { repeated_policies: repeated, renamed_policies: renamed, ..next }
    }

    fn next(&self, files: Vec<Arc<SourceFile>>, world: Arc<World>, set: PolicySet) -> Self {
        let (options, origins) = (self.options.clone(), OnceLock::new());
        let (set, not_judged) = (Arc::new(set), OnceLock::new());
        let (repeated_policies, renamed_policies) = (Vec::new(), Renamed::default());
        let skipped = Arc::clone(&self.skipped);
        Self {
            options,
            files,
            world,
            set,
            repeated_policies,
            renamed_policies,
            origins,
            skipped,
            not_judged,
            rejected: OnceLock::new(),
        }
    }

    fn build_world(
        &self,
        files: &[Arc<SourceFile>],
        policies: &FxHashMap<Identity, Arc<Object>>,
        (documents, mut asked, policy_namespaces): (Vec<usize>, AskedLabels, BTreeSet<Arc<str>>),
    ) -> World {
        let default = &self.options.default_namespace;
        let Gathered { objects, repeated, renamed } =
            gather(files, default, |object| !object.is_policy());
        let mut objects: Vec<_> = objects.iter().chain(policies).collect();
        objects.sort_unstable_by(|a, b| a.0.cmp(b.0));
        let objects: Vec<_> = objects.into_iter().map(|(_, object)| object.clone()).collect();
        let accounts = accounts(files, default);
        let Options { pod_cidrs, node_cidrs, domain_names, family, .. } = &self.options;
        let space = AddressSpace::new(pod_cidrs, node_cidrs).with_names(domain_names);
        let space = AddressSpace { family: *family, ..space };
        let model = Arc::new(cluster::build(cluster::Input {
            objects: &objects,
            accounts: &accounts,
            default_namespace: default,
            asked: &asked,
            space: &space,
            undeclared: &self.options.namespaces,
            automatic_hosts: self.options.automatic_hosts,
        }));
        if !model.has_open_namespaces() {
            asked.of_namespaces.clear();
            asked.otherwise = false;
        }
        World { model, documents, asked, policy_namespaces, repeated, renamed }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Files, sorted by name.
    pub fn files(&self) -> &[Arc<SourceFile>] {
        &self.files
    }

    /// The cluster.
    pub fn model(&self) -> &ClusterModel {
        &self.world.model
    }

    /// The policies.
    pub fn policies(&self) -> &PolicySet {
        &self.set
    }

    /// The session as if audited policies were enforced; none if there are no such policies.
    ///
    /// # Cost
    /// Linear in the policies.
    #[must_use]
    pub fn intended(&self) -> Option<Self> {
        let audits = self.set.audited().next().is_some();
        audits
            .then(|| Self { set: Arc::new(self.set.considering(Considered::All)), ..self.clone() })
    }

    /// The session with host endpoints among what is not judged: the program of a node's packet
    /// filter leaves them out. None if there are none.
    #[must_use]
    pub fn without_hosts(&self) -> Option<Self> {
        let hosts = self.set.hosts();
        if hosts.is_empty() {
            return None;
        }
        let mut counts = self.not_judged().clone();
        let kind = calico::CalicoKind::HostEndpoint.name().to_owned();
        let kind = ForeignKind { kind, group: calico::Group::Public.name().to_owned() };
        *counts.entry(kind).or_default() += u32::try_from(hosts.iter().count()).unwrap_or(u32::MAX);
        Some(Self { not_judged: OnceLock::from(counts), ..self.clone() })
    }

    /// Objects that replace an earlier one of their identity: policies first.
    pub fn repeated(&self) -> impl Iterator<Item = &Repeated> {
        self.repeated_policies.iter().chain(&self.world.repeated)
    }

    /// Where an object stands: the index of its file, and of its part there.
    pub fn origin(&self, object: &Arc<Object>) -> Option<(usize, usize)> {
        let origins = self.origins.get_or_init(|| {
            let mut origins = Origins::default();
            for (file, source) in self.files.iter().enumerate() {
                for (part, place) in source.parts.iter().enumerate() {
                    for object in &place.document.objects {
                        origins.insert(Arc::as_ptr(object).addr(), (file, part));
                    }
                }
            }
            Arc::new(origins)
        });
        let address = Arc::as_ptr(object).addr();
        let renamed = [&self.renamed_policies, &self.world.renamed];
        let original = renamed.into_iter().find_map(|all| all.get(&address));
        let address = original.map_or(address, |(_, original)| Arc::as_ptr(original).addr());
        origins.get(&address).copied()
    }

    /// Kind, namespace and name of an object.
    pub fn identity(&self, object: &Object) -> Identity {
        identity(object, &self.options.default_namespace)
    }
}
