//! Which kinds the server has, and which of them are wanted.

use std::collections::BTreeMap;

use portcullis_engine::manifest::{Wanted, wanted};
use serde_json::Value;

use super::server::{Failure, Server};

/// All of the API at once, from servers that can say that (Kubernetes 1.26 and later).
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The group that shows what the other one of Calico's stores.
const SHOWN: &str = "projectcalico.org";
const STORED: &str = "crd.projectcalico.org";

/// A kind that the server has, in the version that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Empty for the core's.
    pub group: String,
    pub version: String,
    pub kind: String,
    /// What its objects are called in the API.
    pub plural: String,
    pub namespaced: bool,
    pub wanted: Wanted,
}

const JSON: &str = "application/json";

/// The same, where only names are looked at.
const NAMES: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const LIST_OF_NAMES: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Groups of the API server itself that have kinds of which there may be many.
const BUILT_IN: [&str; 5] = ["", "apps", "batch", "discovery.k8s.io", "networking.k8s.io"];

impl Kind {
    /// Whether the API server has it itself, not one that it passes questions on to.
    pub(super) fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&&*self.group)
    }

    /// How a list of objects is asked for.
    pub(super) fn accept_list(&self) -> &'static str {
        if self.wanted == Wanted::Named { LIST_OF_NAMES } else { JSON }
    }

    /// How objects are asked for that come one by one.
    pub(super) fn accept_one(&self) -> &'static str {
        if self.wanted == Wanted::Named { NAMES } else { JSON }
    }

    /// As `kubectl` names it: `networkpolicies.networking.k8s.io`.
    pub(super) fn name(&self) -> String {
        match &*self.group {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// `apiVersion` of its objects.
    pub(super) fn api_version(&self) -> String {
        match &*self.group {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Where its objects are, of all namespaces or of one.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let within = namespace.map_or_else(String::new, |name| format!("namespaces/{name}/"));
        format!("{root}/{}/{within}{}", self.api_version(), self.plural)
    }
}

/// What the server says that it has.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    /// Kinds that are wanted, each in one version.
    pub kinds: Vec<Kind>,
    /// Groups whose server is away.
    pub stale: Vec<String>,
}

/// Asks the server for its kinds.
///
/// # Errors
/// If it does not say.
pub(super) async fn discover(server: &Server) -> Result<Discovered, Failure> {
    let mut all = Resources::default();
    for root in ["/api", "/apis"] {
        let answer = server.get(root, ACCEPT).await?;
        if text(&answer, "kind") == "APIGroupDiscoveryList" {
            items(&answer, "items").for_each(|group| all.add_group(group));
        } else {
            add_one_by_one(server, (root, &answer), &mut all).await?;
        }
    }
    Ok(all.chosen())
}

/// Whether the server does not have a kind any more, in the version that it had it in: a list that is not found may be
/// that of a server that has just begun.
///
/// # Errors
/// If it does not say.
pub(super) async fn is_gone(server: &Server, kind: &Kind) -> Result<bool, Failure> {
    let now = discover(server).await?;
    let of = |one: &Kind| (one.group.clone(), one.version.clone(), one.kind.clone());
    let is_there = now.kinds.iter().any(|one| of(one) == of(kind));
    Ok(!is_there && !now.stale.contains(&kind.group))
}

/// Asks a server that says only for each version which kinds it has.
async fn add_one_by_one(
    server: &Server,
    (root, answer): (&str, &Value),
    all: &mut Resources,
) -> Result<(), Failure> {
    let core = items(answer, "versions").filter_map(Value::as_str);
    let core = core.map(|version| (String::new(), version.to_owned()));
    let groups = items(answer, "groups").flat_map(|group| {
        let name = text(group, "name");
        items(group, "versions").map(move |one| (name.to_owned(), text(one, "version").to_owned()))
    });
    for (group, version) in core.chain(groups).collect::<Vec<_>>() {
        let within = if group.is_empty() { String::new() } else { format!("/{group}") };
        let path = format!("{root}{within}/{version}");
        match server.get(&path, "application/json").await {
            Ok(list) => items(&list, "resources").for_each(|one| {
                let namespaced = one.get("namespaced").and_then(Value::as_bool).unwrap_or(false);
                all.add(
                    one,
                    (&group, &version, text(one, "kind")),
                    (text(one, "name"), namespaced),
                );
            }),
            Err(Failure::Refused { code: 404 | 500.., .. }) => all.stale.push(group),
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Kinds in the order in which the server prefers their versions.
#[derive(Default)]
struct Resources {
    /// By group and kind; the first version that is wanted.
    kinds: BTreeMap<(String, String), Kind>,
    stale: Vec<String>,
}

impl Resources {
    fn add_group(&mut self, group: &Value) {
        let name = group.get("metadata").map_or("", |meta| text(meta, "name"));
        for version in items(group, "versions") {
            if text(version, "freshness") == "Stale" {
                self.stale.push(name.to_owned());
            }
            for one in items(version, "resources") {
                let kind = one.get("responseKind").map_or("", |kind| text(kind, "kind"));
                let shape = (text(one, "resource"), text(one, "scope") == "Namespaced");
                self.add(one, (name, text(version, "version"), kind), shape);
            }
        }
    }

    fn add(
        &mut self,
        resource: &Value,
        (group, version, kind): (&str, &str, &str),
        (plural, namespaced): (&str, bool),
    ) {
        let is_listed = items(resource, "verbs").any(|verb| verb.as_str() == Some("list"));
        // Slices say the same, and more.
        let is_older = (group, kind) == ("", "Endpoints");
        if !is_listed || is_older || plural.contains('/') {
            return;
        }
        let Some(wanted) = wanted(group, version, kind) else { return };
        let [group, version, kind, plural] = [group, version, kind, plural].map(str::to_owned);
        let known = self.kinds.entry((group.clone(), kind.clone()));
        let new = Kind { group, version, kind, plural, namespaced, wanted };
        known
            .and_modify(|known| {
                if known.wanted == Wanted::Named && new.wanted != Wanted::Named {
                    *known = new.clone();
                }
            })
            .or_insert(new);
    }

    fn chosen(self) -> Discovered {
        let has = |group: &str| self.kinds.keys().any(|(known, _)| known == group);
        let (has_stored, has_calico) = (has(STORED), has(STORED) || has(SHOWN));
        let kinds = self.kinds.into_values().filter(|kind| match &*kind.group {
            // The same objects, by way of another server.
            SHOWN => !has_stored,
            // Their labels count for Calico's policies alone.
            "" if kind.kind == "ServiceAccount" => has_calico,
            _ => true,
        });
        let mut stale = self.stale;
        // They decide no traffic.
        stale.retain(|group| !group.ends_with("metrics.k8s.io"));
        stale.sort_unstable();
        stale.dedup();
        Discovered { kinds: kinds.collect(), stale }
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn discovered(groups: &Value) -> Discovered {
        let mut all = Resources::default();
        items(groups, "items").for_each(|group| all.add_group(group));
        all.chosen()
    }

    fn resource(kind: &str, plural: &str, scope: &str) -> Value {
        json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope,
            "verbs": ["get", "list", "watch"]})
    }

    #[test]
    fn each_kind_is_read_in_one_version() {
        let cluster_policies = |version: &str| {
            json!({"version": version, "freshness": "Current",
                "resources": [resource("ClusterNetworkPolicy", "clusternetworkpolicies", "Cluster")]})
        };
        let groups = json!({"items": [
            {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
                resource("Pod", "pods", "Namespaced"), resource("Secret", "secrets", "Namespaced"),
                resource("Endpoints", "endpoints", "Namespaced"),
                resource("ServiceAccount", "serviceaccounts", "Namespaced"),
                json!({"resource": "bindings", "responseKind": {"kind": "Pod"}, "verbs": ["create"]}),
            ]}]},
            {"metadata": {"name": "policy.networking.k8s.io"}, "versions": [
                cluster_policies("v2"), cluster_policies("v1beta1"), cluster_policies("v1alpha2")]},
            {"metadata": {"name": "metrics.k8s.io"},
                "versions": [{"version": "v1", "freshness": "Stale"}]},
            {"metadata": {"name": "far.example"},
                "versions": [{"version": "v1", "freshness": "Stale"}]},
        ]});
        let Discovered { kinds, stale } = discovered(&groups);
        let paths: Vec<String> = kinds.iter().map(|kind| kind.path(None)).collect();
        assert_eq!(
            paths,
            ["/api/v1/pods", "/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies"]
        );
        assert_eq!(stale, ["far.example"]);
        assert_eq!(kinds[0].path(Some("shop")), "/api/v1/namespaces/shop/pods");
    }

    #[test]
    fn what_calico_stores_is_read_once() {
        let group = |name: &str, version: &str| {
            json!({"metadata": {"name": name}, "versions": [{"version": version, "resources": [
                resource("GlobalNetworkPolicy", "globalnetworkpolicies", "Cluster")]}]})
        };
        let core = json!({"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
            resource("ServiceAccount", "serviceaccounts", "Namespaced")]}]});
        let of = |groups: &[&Value]| {
            let kinds = discovered(&json!({ "items": groups })).kinds;
            kinds.iter().map(Kind::name).collect::<Vec<_>>()
        };
        let [shown, stored] = [group(SHOWN, "v3"), group(STORED, "v1")];
        let accounts = "serviceaccounts";
        assert_eq!(
            of(&[&core, &shown, &stored]),
            [accounts, "globalnetworkpolicies.crd.projectcalico.org"]
        );
        assert_eq!(of(&[&core, &shown]), [accounts, "globalnetworkpolicies.projectcalico.org"]);
        assert!(of(&[&core]).is_empty());
    }
}
