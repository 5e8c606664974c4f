//! From what is written to what it means, and back: a selector and the labels that it asks for, a
//! name of a port and the containers that have it, a namespace's name and its object.

use std::sync::Arc;

use super::around;
use super::schema::{Of, Shape};
use super::spot::{self, Spot};
use super::{InFile, Jump};
use crate::cluster::{ClusterModel, WorkloadId};
use crate::lint::{Role, Texts, named_pods};
use crate::manifest::{self, Object};
use crate::report::{location, object_ref, workload_id};
use crate::selector::{Match, Selector};
use crate::session::Session;
use crate::source::Position;
use crate::tree::{self, Node};

/// Places that one name leads to; more help nobody.
const MOST: usize = 100;
/// Where labels of pods stand.
const LABELS: [&str; 3] = [
    "spec.jobTemplate.spec.template.metadata.labels",
    "spec.template.metadata.labels",
    "metadata.labels",
];

impl Session {
    /// Where that stands which is named at a position of a file: the labels of the pods that a
    /// selector matches, the Namespace, the containers' ports of a name.
    ///
    /// # Cost
    /// Linear in the endpoints; that of reading the documents again that it leads to.
    pub fn definition(&self, file: &str, position: Position) -> Vec<Jump> {
        self.jump(file, position, Way::ToMeaning)
    }

    /// The selectors of policies that match what is declared at a position of a file: the pods of a
    /// workload.
    ///
    /// # Cost
    /// Linear in the selectors; that of reading the documents again that it leads to.
    pub fn references(&self, file: &str, position: Position) -> Vec<Jump> {
        self.jump(file, position, Way::ToUses)
    }

    fn jump(&self, file: &str, position: Position, way: Way) -> Vec<Jump> {
        let found = InFile::at(self, file, position).and_then(|(place, offset)| {
            let trees = tree::read_whole_trees(place.text());
            let offset = u32::try_from(offset).ok()?;
            let document = trees
                .documents
                .iter()
                .find(|document| document.span.start <= offset && offset <= document.span.end)?;
            let spot = spot::at(document, offset);
            let asked = Asked { session: self, place, spot: &spot };
            match way {
                Way::ToMeaning => asked.definition(),
                Way::ToUses => asked.references(),
            }
        });
        let mut found = found.unwrap_or_default();
        found.truncate(MOST);
        found
    }
}

/// Which way a jump goes.
#[derive(Clone, Copy)]
enum Way {
    ToMeaning,
    ToUses,
}

struct Asked<'a, 'n, 't> {
    session: &'a Session,
    place: InFile<'a>,
    spot: &'a Spot<'n, 't>,
}

impl Asked<'_, '_, '_> {
    fn definition(&self) -> Option<Vec<Jump>> {
        let text = self.spot.parent().as_str();
        match (around::selector(self.spot), self.spot.shape()) {
            (Some((depth, of)), _) => self.selected(depth, of),
            (None, Some(Shape::Namespace)) => self.namespaces(|name| Some(name) == text),
            (None, Some(Shape::Port(of))) => self.ports(of, text?),
            _ => None,
        }
    }

    fn selected(&self, depth: usize, of: Of) -> Option<Vec<Jump>> {
        let node = self.spot.nodes.get(depth)?;
        match of {
            Of::Namespaces => {
                let selector = manifest::selector_of(node)?;
                let model = self.session.model();
                self.namespaces(|name| {
                    let namespace = model.namespace(name).and_then(|id| model.namespaces.get(id));
                    namespace.is_some_and(|one| selector.matches(&one.labels()) != Match::No)
                })
            }
            Of::Subjects | Of::Peers => self.pods(of, manifest::selector_of(node)?),
            Of::Backends => self.pods(of, manifest::labels_of(node)?),
            Of::Nodes | Of::Template => None,
        }
    }

    fn pods(&self, of: Of, selector: Selector) -> Option<Vec<Jump>> {
        let set = around::pods(self.session, self.spot, of, selector)?;
        let model = self.session.model();
        let is_in = |group| set.matches(group) != Match::No;
        Some(self.workloads(model, |endpoint| endpoint.group.is_some_and(is_in), &LABELS))
    }

    fn ports(&self, of: Of, name: &str) -> Option<Vec<Jump>> {
        const PODS: [&str; 3] = [
            "spec.jobTemplate.spec.template.spec.containers",
            "spec.template.spec.containers",
            "spec.containers",
        ];
        let set = around::pods(self.session, self.spot, of, Selector::default())?;
        let model = self.session.model();
        let has = |endpoint: &crate::cluster::Endpoint| {
            let group = endpoint.group.filter(|group| set.matches(*group) != Match::No);
            let group = group.and_then(|group| model.groups.get(group));
            group.is_some_and(|group| group.ports.iter().any(|port| *port.name == *name))
        };
        Some(self.workloads(model, has, &PODS))
    }

    /// Where the objects of workloads say something, each once.
    fn workloads(
        &self,
        model: &ClusterModel,
        is_meant: impl Fn(&crate::cluster::Endpoint) -> bool,
        paths: &[&str],
    ) -> Vec<Jump> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let mut texts = Texts::new(self.session);
        let mut found: Vec<Jump> = Vec::new();
        let mut last: Option<WorkloadId> = None;
        for endpoint in model.endpoints.values().filter(|endpoint| is_meant(endpoint)) {
            let workload = model.workloads.get(endpoint.workload);
            let object = workload.and_then(|workload| workload.object.as_ref());
            let Some(object) = object.or(endpoint.object.as_ref()) else { continue };
            if last.replace(endpoint.workload) == Some(endpoint.workload) || found.len() >= MOST {
                continue;
            }
            found.extend(self.to(
                &mut texts,
                object,
                &paths,
                workload_id(model, endpoint.workload),
            ));
        }
        found
    }

    fn to(
        &self,
        texts: &mut Texts<'_>,
        object: &Arc<Object>,
        paths: &[String],
        title: Arc<str>,
    ) -> Option<Jump> {
        let origin = self.session.origin(object)?;
        let span = texts.start(object, paths).unwrap_or(object.span);
        Some(Jump { location: location(self.session, origin, span)?, title })
    }

    fn namespaces(&self, is_meant: impl Fn(&str) -> bool) -> Option<Vec<Jump>> {
        let session = self.session;
        let files = session.files().iter().enumerate();
        let mut found = Vec::new();
        for (file, source) in files {
            for (part, place) in source.parts.iter().enumerate() {
                let objects = place.document.objects.iter();
                let named = objects
                    .filter(|object| object.kind() == "Namespace" && is_meant(&object.meta.name));
                found.extend(named.filter_map(|object| {
                    let title = object_ref(session, object).to_string().into();
                    Some(Jump { location: location(session, (file, part), object.span)?, title })
                }));
            }
        }
        Some(found)
    }

    /// Selectors of policies that match the pods of the spot's object.
    fn references(&self) -> Option<Vec<Jump>> {
        let span = self.spot.object.span;
        let part = self.place.source.parts.get(self.place.part)?;
        let object = part.document.objects.iter().find(|object| object.span == span)?;
        let is_namespace = object.kind() == "Namespace";
        let model = self.session.model();
        let groups: Vec<_> = match is_namespace {
            true => {
                let id = model.namespace(&object.meta.name)?;
                model.groups.in_namespace(id).to_vec()
            }
            false => {
                around::pod_labels(self.spot.object).filter(|node| !Node::is_null(node))?;
                let own = model.endpoints.values().filter(|endpoint| {
                    let workload = model.workloads.get(endpoint.workload);
                    let of_workload = workload.and_then(|one| one.object.as_ref());
                    let all = [endpoint.object.as_ref(), of_workload];
                    all.into_iter().flatten().any(|it| Arc::ptr_eq(it, object))
                });
                own.filter_map(|endpoint| endpoint.group).collect()
            }
        };
        let mut texts = Texts::new(self.session);
        let asking = named_pods(self.session.policies())
            .filter(|named| groups.iter().any(|group| named.set.matches(*group) != Match::No));
        let found = asking.take(MOST).filter_map(|named| {
            let title: Arc<str> = object_ref(self.session, &named.policy.object).to_string().into();
            let paths = match named.role {
                Role::Subject => super::lens::SUBJECTS.map(str::to_owned).into(),
                Role::Peer(place) => vec![place.path()],
            };
            self.to(&mut texts, &named.policy.object, &paths, title)
        });
        Some(found.collect())
    }
}
