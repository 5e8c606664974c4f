//! What several lints ask: each of it is found once, when it is first asked for.

use std::cell::{OnceCell, RefCell, RefMut};
use std::sync::Arc;

use super::Finding;
use super::default_allow::{self, Open};
use super::host_pods::{self, HostPods};
use super::known::KnownPods;
use super::named::{self, Named};
use super::text::{Field, Texts};
use super::wider::Wider;
use crate::diagnostic::Diagnostic;
use crate::manifest::Object;
use crate::session::Session;

/// A session, as lints see it.
pub struct Context<'s> {
    /// The session.
    pub session: &'s Session,
    texts: RefCell<Texts<'s>>,
    known: OnceCell<KnownPods<'s>>,
    host: OnceCell<Vec<HostPods>>,
    dead: OnceCell<Vec<Named<'s>>>,
    open: OnceCell<Open>,
    wider: OnceCell<Wider<'s>>,
}

impl<'s> Context<'s> {
    /// That of a session.
    pub fn new(session: &'s Session) -> Self {
        let texts = RefCell::new(Texts::new(session));
        let (known, host, dead) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let (open, wider) = (OnceCell::new(), OnceCell::new());
        Self { session, texts, known, host, dead, open, wider }
    }

    /// The finding, said of a field of an object, and placed there; at the whole object if the
    /// field is not found.
    pub fn about(&self, object: &Arc<Object>, field: Field<'_>, finding: Diagnostic) -> Finding {
        self.texts().about(object, field, finding)
    }

    /// Documents that are read again.
    pub fn texts(&self) -> RefMut<'_, Texts<'s>> {
        self.texts.borrow_mut()
    }

    /// Namespaces whose pods are all in the input.
    pub fn known(&self) -> &KnownPods<'s> {
        self.known.get_or_init(|| KnownPods::new(self.session))
    }

    /// Pods on their nodes' network.
    pub fn host(&self) -> &[HostPods] {
        self.host.get_or_init(|| host_pods::all(self.session.model()))
    }

    /// Where policies name pods by labels, and the input has none of them.
    pub fn dead(&self) -> &[Named<'s>] {
        self.dead.get_or_init(|| {
            let model = self.session.model();
            named::all(self.session.policies()).filter(|named| named.is_dead(model)).collect()
        })
    }

    /// Workloads that no policy selects, where policies select others.
    pub fn open(&self) -> &Open {
        self.open.get_or_init(|| default_allow::open(self))
    }

    /// NetworkPolicies, by what they ask of pods.
    pub fn wider(&self) -> &Wider<'s> {
        self.wider.get_or_init(|| Wider::new(self.session.policies()))
    }
}
