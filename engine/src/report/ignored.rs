//! Findings of lints that are not wanted: of a code, of an object, or of a whole namespace.

use rustc_hash::FxHashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Object};
use crate::session::Session;

/// The index of a file, and of the part there.
pub type Place = (usize, usize);

/// What is ignored in a session.
pub struct Ignored<'s> {
    session: &'s Session,
    /// Of the objects with the annotation, by where they stand.
    objects: FxHashMap<Place, Vec<&'s Object>>,
    /// Of namespaces with the annotation, by name.
    namespaces: FxHashMap<&'s str, &'s [Code]>,
}

impl<'s> Ignored<'s> {
    /// What options and annotations name.
    ///
    /// # Cost
    /// Linear in the objects.
    pub fn new(session: &'s Session) -> Self {
        let (mut objects, mut namespaces) = (FxHashMap::default(), FxHashMap::default());
        for (file, source) in session.files().iter().enumerate() {
            for (part, one) in source.parts.iter().enumerate() {
                let own = one.document.objects.iter().filter(|one| !one.meta.ignores.is_empty());
                for object in own {
                    let place: &mut Vec<_> = objects.entry((file, part)).or_default();
                    place.push(&**object);
                    if matches!(object.body, Body::Namespace) {
                        namespaces.insert(&*object.meta.name, &*object.meta.ignores);
                    }
                }
            }
        }
        Self { session, objects, namespaces }
    }

    /// Whether a finding, of what stands at a place, is ignored.
    pub fn has(&self, place: Option<Place>, finding: &Diagnostic) -> bool {
        if self.session.options().ignored_codes.contains(&finding.code) {
            return true;
        }
        let Some((kind, namespace, name)) = &finding.object else { return false };
        let here = place.and_then(|place| self.objects.get(&place)).into_iter().flatten();
        let mut own = here.filter(|object| {
            let meta = &object.meta;
            (object.kind(), &*meta.name, meta.namespace.as_deref())
                == (&**kind, &**name, namespace.as_deref())
        });
        own.any(|object| object.meta.ignores.contains(&finding.code))
            || self.in_namespace(place, finding).is_some_and(|all| all.contains(&finding.code))
    }

    /// What is ignored in the namespace that a finding is about.
    fn in_namespace(&self, place: Option<Place>, finding: &Diagnostic) -> Option<&'s [Code]> {
        let (kind, namespace, name) = finding.object.as_ref()?;
        if let Some(namespace) = namespace {
            return self.namespaces.get(&**namespace).copied();
        }
        let codes = self.namespaces.get(&*self.session.options().default_namespace)?;
        let (file, part) = place?;
        let objects = &self.session.files().get(file)?.parts.get(part)?.document.objects;
        let is_meant =
            |one: &&std::sync::Arc<Object>| one.kind() == kind && *one.meta.name == **name;
        objects.iter().find(is_meant)?.is_namespaced().then_some(codes)
    }
}
