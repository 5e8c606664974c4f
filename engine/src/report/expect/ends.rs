//! Whom patterns mean: `shop/*`, `*/web`, `shop/Deployment/*`, `shop/{app=web}`.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{EndpointId, Life, NamespaceId};
use crate::diagnostic::nearest;
use crate::manifest::LabelList;
use crate::net::{AddrSet, Family, internet};
use crate::policy::pod_selectors;
use crate::reach::{ClassId, Reach, UnitKind};
use crate::report::example::example;
use crate::report::flow::in_namespace;
use crate::report::labels::parse_selector;
use crate::report::list::workload_id;
use crate::report::query::{QueryError, Side, long_kind, part_name, resolve};
use crate::report::service;
use crate::report::supposed::Supposed;
use crate::selector::{Match, Selector};
use crate::session::Session;
use crate::verdict::Party;

/// One end of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// As a flow has it.
    pub text: String,
    /// Whether a pattern means it.
    pub of_pattern: bool,
    /// What no policy, nor any change of one that is tried, distinguishes has equal keys; none if
    /// that is not known.
    pub key: Option<EndKey>,
    /// Its endpoints: none if it is addresses outside; absent if that is not known.
    pub endpoints: Option<Arc<[EndpointId]>>,
    /// Whether it stands for a pod that is not in the input.
    pub supposed: bool,
}

/// What distinguishes ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndKey {
    /// What pods of the input are to policies.
    Pods {
        /// Their namespace.
        namespace: NamespaceId,
        /// Their classes, ascending.
        classes: Vec<ClassId>,
        /// Families of their addresses, ascending.
        families: Vec<Family>,
        /// Their labels of keys that policies ask for: a change of a policy may distinguish pods
        /// that the policy does not.
        labels: Vec<LabelList>,
    },
    /// The text itself.
    Text(String),
}

/// Finds whom texts mean.
pub struct Ends<'s> {
    session: &'s Session,
    classes: FxHashMap<EndpointId, ClassId>,
    /// Keys of labels that selectors of policies ask for.
    asked: FxHashSet<Arc<str>>,
    /// Ranges of addresses outside that policies distinguish.
    pub outside: Vec<(Family, AddrSet)>,
}

impl<'s> Ends<'s> {
    /// # Cost
    /// That of [`Reach::new`].
    pub fn new(session: &'s Session) -> Self {
        let reach = Reach::new(session.model(), session.policies());
        let (mut classes, mut outside) = (FxHashMap::default(), Vec::new());
        for unit in reach.units().values() {
            match &unit.kind {
                UnitKind::Outside(family, addresses) => outside.push((*family, addresses.clone())),
                UnitKind::Workload { endpoints, .. } => {
                    classes.extend(endpoints.iter().map(|id| (*id, unit.class)));
                }
            }
        }
        let objects = session.policies().policies().map(|(_, policy)| &*policy.object);
        let selectors = objects.flat_map(pod_selectors);
        let asked = selectors.flat_map(Selector::requirements).map(|one| one.key.clone());
        Self { session, classes, asked: asked.collect(), outside }
    }

    /// An address of the internet in each range that policies distinguish.
    pub fn internet(&self) -> Vec<End> {
        let ranges = self.outside.iter();
        let addresses = ranges.filter_map(|(_, range)| {
            example(&range.intersection(internet()), self.session.model())
        });
        let end = |address: IpAddr| {
            let end = End::address(address.to_string());
            // It may be the address of a Service.
            let is_service = service::behind(self.session.model(), address).is_some();
            End { endpoints: end.endpoints.filter(|_| !is_service), ..end }
        };
        addresses.map(end).collect()
    }

    /// Everyone that some texts mean, without those that other texts mean; once each.
    ///
    /// # Errors
    /// If a pattern means nobody, or if an exception does.
    pub fn of(&self, texts: &[String], except: &[String]) -> Result<Vec<End>, String> {
        let except = self.endpoints(except)?;
        let mut all: Vec<End> = Vec::new();
        let mut seen = FxHashSet::default();
        for text in texts {
            let ends = match Pattern::parse(self.session, text)? {
                Some(pattern) => self.meant(text, &pattern, &except)?,
                None => vec![self.plain(text)],
            };
            all.extend(ends.into_iter().filter(|end| seen.insert(end.text.clone())));
        }
        Ok(all)
    }

    /// Whether a text is a pattern.
    pub fn is_pattern(&self, text: &str) -> bool {
        Pattern::parse(self.session, text).is_ok_and(|pattern| pattern.is_some())
    }

    /// Whether a text means a pod that is not in the input.
    pub fn is_supposed(&self, text: &str) -> bool {
        let ends = self.of(&[text.to_owned()], &[]);
        ends.is_ok_and(|ends| ends.iter().all(|end| end.supposed))
    }

    /// Whom exceptions mean.
    fn endpoints(&self, texts: &[String]) -> Result<FxHashSet<EndpointId>, String> {
        let mut all = FxHashSet::default();
        for text in texts {
            match Pattern::parse(self.session, text)? {
                Some(pattern) => {
                    let ends = self.meant(text, &pattern, &FxHashSet::default())?;
                    all.extend(ends.iter().flat_map(|end| end.own().to_vec()));
                }
                None => {
                    let whole = in_namespace(self.session, text);
                    let side = resolve(self.session.model(), &whole).map_err(message)?;
                    let Side::Endpoints { endpoints, .. } = side else {
                        return Err(format!("`{text}` is an address: no pattern means it"));
                    };
                    all.extend(endpoints);
                }
            }
        }
        Ok(all)
    }

    fn meant(
        &self,
        text: &str,
        pattern: &Pattern,
        except: &FxHashSet<EndpointId>,
    ) -> Result<Vec<End>, String> {
        let model = self.session.model();
        let (mut ends, mut matched) = (Vec::new(), false);
        for (id, workload) in model.workloads.iter() {
            let namespace = model.namespace_name(workload.namespace);
            if !pattern.names(namespace, &workload.kind, &workload.name) {
                continue;
            }
            let active = model.endpoints_of(id).filter(|id| {
                model.endpoints.get(*id).is_some_and(|endpoint| endpoint.life == Life::Active)
            });
            let active: Vec<EndpointId> = active.collect();
            let selected = active.iter().filter(|id| pattern.selects(self.session, **id));
            let selected: Vec<EndpointId> = selected.copied().collect();
            matched |= !selected.is_empty();
            let kept = selected.into_iter().filter(|id| !except.contains(id));
            let kept: Vec<EndpointId> = kept.collect();
            if kept.len() == active.len() && !kept.is_empty() {
                ends.push(self.end(workload_id(model, id).to_string(), kept));
            } else {
                let pods = kept.into_iter().map(|pod| self.end(part_name(model, pod), vec![pod]));
                ends.extend(pods);
            }
        }
        match (matched, &pattern.who) {
            (true, _) => Ok(ends),
            (false, Who::Selected(_)) => self.supposed(text, pattern),
            (false, Who::Named { .. }) => Err(self.nobody(text, pattern)),
        }
    }

    fn end(&self, text: String, endpoints: Vec<EndpointId>) -> End {
        let key = self.key(&endpoints);
        End { text, of_pattern: true, key, endpoints: Some(endpoints.into()), supposed: false }
    }

    /// An end as a flow has it. What is wrong with it is said when the flow is evaluated.
    fn plain(&self, text: &str) -> End {
        let model = self.session.model();
        let key = EndKey::Text(text.to_owned());
        let end = End { key: Some(key), ..End::nowhere(text) };
        match resolve(model, &in_namespace(self.session, text)) {
            // Where nodes play a part, pods that are alike to policies are not.
            Ok(Side::Endpoints { endpoints, .. }) => {
                let key = self.key(&endpoints).and(end.key);
                End { key, endpoints: Some(endpoints.into()), ..end }
            }
            Ok(Side::Addresses(addresses)) => {
                let mut parties = addresses.iter().map(|address| Party::address(model, *address));
                let is_outside = parties.all(|party| party.host == Match::No);
                End { key: end.key.filter(|_| is_outside), ..end }
            }
            Ok(Side::Supposed { .. }) | Err(_) => End { key: None, ..end },
        }
    }

    /// None where nodes play a part.
    pub fn key(&self, endpoints: &[EndpointId]) -> Option<EndKey> {
        let model = self.session.model();
        let (mut classes, mut families, mut namespace) = (Vec::new(), Vec::new(), None);
        let mut labels: Vec<LabelList> = Vec::new();
        for id in endpoints {
            let endpoint = model.endpoints.get(*id).filter(|one| !one.host_network())?;
            classes.push(*self.classes.get(id)?);
            families.extend(model.space.families(&endpoint.addresses).0);
            namespace = Some(model.workload_of(endpoint)?.namespace);
            let own = model.labels_of(endpoint)?.labels.iter();
            labels.push(own.filter(|(key, _)| self.asked.contains(key)).cloned().collect());
        }
        classes.sort_unstable();
        classes.dedup();
        families.sort_unstable();
        families.dedup();
        labels.sort_unstable();
        labels.dedup();
        Some(EndKey::Pods { namespace: namespace?, classes, families, labels })
    }

    /// What selects no pod of the input is a pod of these labels that is not in it.
    fn supposed(&self, text: &str, pattern: &Pattern) -> Result<Vec<End>, String> {
        let whole = in_namespace(self.session, text);
        match Supposed::parse(&whole) {
            Ok(Some(_)) => Ok(vec![End { supposed: true, ..End::nowhere(&whole) }]),
            Ok(None) | Err(_) => Err(self.nobody(text, pattern)),
        }
    }

    fn nobody(&self, text: &str, pattern: &Pattern) -> String {
        let model = self.session.model();
        let known = model.workloads.values().map(|w| model.namespace_name(w.namespace));
        let has_namespace = { known }.any(|name| glob(&pattern.namespace, name));
        let known = model.workloads.values().map(|w| model.namespace_name(w.namespace));
        let meant = nearest(&pattern.namespace, known).filter(|_| !has_namespace);
        let rest = text.split_once('/').map_or("*", |(_, rest)| rest);
        let meant = meant.map(|meant| format!(": did you mean `{meant}/{rest}`?"));
        format!("`{text}` matches no workload of the input{}", meant.unwrap_or_default())
    }
}

fn message(error: QueryError) -> String {
    error.message
}

impl End {
    /// An end of which it is not known whom it means.
    fn nowhere(text: &str) -> Self {
        let text = text.to_owned();
        Self { text, of_pattern: false, key: None, endpoints: None, supposed: false }
    }

    /// Its endpoints, as far as they are known.
    pub fn own(&self) -> &[EndpointId] {
        self.endpoints.as_deref().unwrap_or_default()
    }

    /// An address outside that policies distinguish from no other of its range.
    pub fn address(text: String) -> Self {
        let (key, endpoints) = (Some(EndKey::Text(text.clone())), Some(Arc::default()));
        Self { key, endpoints, ..Self::nowhere(&text) }
    }
}

/// Workloads by their names or their labels.
struct Pattern {
    namespace: String,
    who: Who,
}

enum Who {
    Named { kind: String, name: String },
    Selected(Selector),
}

impl Pattern {
    /// None if the text means one end, as a flow has it.
    fn parse(session: &Session, text: &str) -> Result<Option<Self>, String> {
        let default = &session.options().default_namespace;
        if let Some((namespace, rest)) = text.split_once('{').filter(|(before, _)| {
            before.is_empty() || before.strip_suffix('/').is_some_and(|ns| !ns.contains('/'))
        }) {
            let namespace = namespace.strip_suffix('/').unwrap_or(default).to_owned();
            let labels = rest.strip_suffix('}');
            let labels =
                labels.ok_or_else(|| format!("`{text}`: a `}}` is missing behind the labels"))?;
            let who = Who::Selected(parse_selector(labels).map_err(message)?);
            return Ok(Some(Self { namespace, who }));
        }
        if !text.contains('*') {
            return Ok(None);
        }
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts.as_slice() {
            ["*"] => ("*", "*", "*"),
            [name] => (default.as_str(), "*", *name),
            [namespace, name] => (*namespace, "*", *name),
            [namespace, kind, name] => (*namespace, long_kind(kind), *name),
            _ => return Err(format!("`{text}` is not a pattern: use NAMESPACE/NAME with `*`")),
        };
        let who = Who::Named { kind: kind.to_owned(), name: name.to_owned() };
        Ok(Some(Self { namespace: namespace.to_owned(), who }))
    }

    fn names(&self, namespace: &str, kind: &str, name: &str) -> bool {
        let is_named = match &self.who {
            Who::Selected(_) => true,
            Who::Named { kind: of, name: own } => {
                glob(own, name) && glob(&of.to_lowercase(), &kind.to_lowercase())
            }
        };
        is_named && glob(&self.namespace, namespace)
    }

    /// What may be selected is meant too: an expectation holds of everyone or does not.
    fn selects(&self, session: &Session, id: EndpointId) -> bool {
        let Who::Selected(selector) = &self.who else { return true };
        let endpoint = session.model().endpoints.get(id);
        let labels = endpoint.and_then(|endpoint| session.model().labels_of(endpoint));
        labels.is_some_and(|labels| selector.matches(&labels) != Match::No)
    }
}

/// Whether a text matches a pattern in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some((_, behind)) = text.split_once(part) else { return false };
        (text, rest) = (behind, after);
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("a*", "ab"),
            ("*b", "ab"),
            ("a*c*e", "abcde"),
            ("a", "a"),
            ("a*a", "aa"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a*", "ba"), ("a*a", "a"), ("a*c*e", "abcd"), ("", "a"), ("a", "ab")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
