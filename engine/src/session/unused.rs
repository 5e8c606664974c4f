//! What users say that nothing of the input asks for: a slip, most likely.

use std::collections::BTreeSet;

use super::Session;
use crate::cluster::names_also;
use crate::diagnostic::nearest;
use crate::manifest::{Direction, PeerKind};

impl Session {
    /// A sentence for each namespace of the options that is not in the input, and for each domain
    /// name that no policy names. `ends` are who a question is about: they may be in namespaces that
    /// nothing else is in.
    pub fn unused_options(&self, ends: &[&str]) -> Vec<String> {
        let namespaces = self.options.namespaces.labels.keys();
        let is_asked = |namespace: &str| {
            let of = |end: &&str| end.strip_prefix(namespace).is_some_and(|e| e.starts_with('/'));
            self.model().namespace(namespace).is_some() || ends.iter().any(of)
        };
        let namespaces = namespaces.filter(|namespace| !is_asked(namespace)).map(|namespace| {
            let known = self.model().namespaces.values().map(|known| &*known.name);
            let meant = meant(namespace, known);
            format!("labels of namespace `{namespace}` change nothing: nothing in the input is in it{meant}")
        });
        let asked = self.domain_names();
        let is_named = |name: &str| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            asked.iter().any(|asked| names_also(asked, &name) || names_also(&name, asked))
        };
        let names = self.options.domain_names.keys().filter(|name| !is_named(name)).map(|name| {
            let meant = meant(name, asked.iter().map(String::as_str));
            format!("addresses of `{name}` change nothing: no policy names it{meant}")
        });
        namespaces.chain(names).collect()
    }

    /// Domain names of policies, in lower case.
    fn domain_names(&self) -> BTreeSet<String> {
        let policies = self.set.policies().map(|(_, policy)| &policy.object);
        let rules = policies.flat_map(|object| {
            Direction::BOTH.into_iter().flat_map(move |direction| object.rules(direction))
        });
        let names = rules.flat_map(|rule| &rule.peers).flat_map(|peer| match &peer.kind {
            PeerKind::DomainNames(names) => names.as_slice(),
            _ => &[],
        });
        names.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect()
    }
}

fn meant<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let meant = nearest(name, known);
    meant.map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
}
