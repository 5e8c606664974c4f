//! Endpoints that no policy tells apart.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{
    Addresses, ClusterModel, Endpoint, EndpointId, Group, GroupId, Life, NamespaceId,
};
use crate::manifest::{LabelList, NamedPort, PortMatch};
use crate::net::{AddrSet, ByFamily, Family};
use crate::policy::{Atoms, BlockId, PolicySet, SetId, SignatureId};
use crate::shared::{Id, Table};

/// The number of a [`Class`].
pub type ClassId = Id<Class>;

/// Endpoints, or outside addresses, that no policy tells apart.
#[derive(Clone, Debug)]
pub struct Class {
    /// What it is.
    pub kind: ClassKind,
    /// Sets of pods that its members are in for certain, ascending.
    pub sets: Vec<SetId>,
    /// Sets of pods that its members may be in, ascending; but those of the next field.
    pub maybe_sets: Vec<SetId>,
    /// Sets that they may be in for all but the labels of their namespace, ascending.
    pub sets_elsewhere: Vec<SetId>,
    /// Names of ports that policies use and that its members have.
    pub ports: Vec<NamedPort>,
    /// Where its addresses are, per family; none if it has none in that family.
    pub places: ByFamily<Option<PlaceKey>>,
    /// Whether the families in `places` are certain.
    pub families_certain: bool,
    /// Whether its members use their nodes' network.
    pub host_network: bool,
    /// Groups that its members may be of, where labels that a template does not show play a part;
    /// of those that no selector tells apart, one.
    pub variants: Vec<GroupId>,
}

/// What a class is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// Endpoints of the model, ascending; at least one.
    Endpoints(Vec<EndpointId>),
    /// Addresses that are no endpoint's: ranges of one family, ascending, at least one.
    Outside(Family, Vec<AddrSet>),
}

/// What blocks can say of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlaceKey {
    /// It is known, and in these blocks.
    Known(SignatureId),
    /// It is some pod's address.
    SomePod,
    /// It is some node's address.
    SomeNode,
}

impl Class {
    /// Its first endpoint.
    pub fn representative(&self) -> Option<EndpointId> {
        match &self.kind {
            ClassKind::Endpoints(endpoints) => endpoints.first().copied(),
            ClassKind::Outside(..) => None,
        }
    }

    /// Its place in a family; in any if none is given.
    pub fn place(&self, family: Option<Family>) -> Option<PlaceKey> {
        match family {
            Some(family) => self.places[family],
            None => self.places.values().find_map(|place| *place),
        }
    }
}

/// All classes.
#[derive(Debug)]
pub struct Classes {
    classes: Table<Class>,
    first_outside: ClassId,
    atoms: Atoms,
    uses_blocks: bool,
}

/// What tells endpoints apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    sets: Vec<SetId>,
    maybe_sets: Vec<SetId>,
    sets_elsewhere: Vec<SetId>,
    ports: Vec<NamedPort>,
    host_network: bool,
    places: ByFamily<Option<PlaceKey>>,
    families_certain: bool,
    /// Sets that its members may be in together, where a label decides that a template does not
    /// show.
    together: Vec<Variant>,
    /// Their namespace, where its labels play a part and are not known: they are the same for all
    /// pods in it.
    namespace: Option<NamespaceId>,
}

/// Sets that a group is in, those that it may be in, and the labels that its namespace is assumed
/// to have.
type Variant = (Vec<SetId>, Vec<SetId>, Option<Arc<LabelList>>);

impl Classes {
    /// The classes of active endpoints, then those of outside addresses by family.
    ///
    /// # Cost
    /// Linear in endpoints and in the pairs of selectors and groups that they match.
    pub fn new(model: &ClusterModel, set: &PolicySet) -> Self {
        let used = Used::new(set);
        let atoms = Atoms::new(set, &used.blocks);
        let keys = GroupKeys::new(model, set, &used);
        let mut classes: Table<Class> = Table::default();
        let mut ids: FxHashMap<Key, ClassId> = FxHashMap::default();
        for (index, endpoint) in model.endpoints.iter() {
            if endpoint.life != Life::Active {
                continue;
            }
            let key = keys.of(model, endpoint, &atoms);
            let id = *ids.entry(key).or_insert_with_key(|key| {
                let variants = keys.variants(model, endpoint);
                let variants = variants.into_values().collect();
                classes.push(Class { variants, ..Class::of_key(key) })
            });
            if let Some(ClassKind::Endpoints(members)) = classes.get_mut(id).map(|c| &mut c.kind) {
                members.push(index);
            }
        }
        let first_outside = classes.next_id();
        for family in Family::BOTH.into_iter().filter(|family| model.space.asks_for(*family)) {
            let mut by_signature: BTreeMap<SignatureId, Vec<AddrSet>> = BTreeMap::new();
            for (addresses, signature) in atoms.pieces(family) {
                by_signature.entry(signature).or_default().push(addresses);
            }
            for (signature, pieces) in by_signature {
                classes.push(Class::outside(family, pieces, signature));
            }
        }
        Self {
            classes,
            first_outside,
            atoms,
            uses_blocks: used.families || !used.blocks.is_empty(),
        }
    }

    /// Whether addresses play a part in any policy.
    pub fn uses_blocks(&self) -> bool {
        self.uses_blocks
    }

    /// The first class of outside addresses; all that follow are such too.
    pub fn first_outside(&self) -> ClassId {
        self.first_outside
    }

    /// A class.
    pub fn get(&self, id: ClassId) -> Option<&Class> {
        self.classes.get(id)
    }

    /// All classes with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        self.classes.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// The blocks that an address of a class is in.
    pub fn blocks(&self, signature: SignatureId) -> &[BlockId] {
        self.atoms.blocks(signature)
    }
}

impl Class {
    fn of_key(key: &Key) -> Self {
        Self {
            kind: ClassKind::Endpoints(Vec::new()),
            sets: key.sets.clone(),
            maybe_sets: key.maybe_sets.clone(),
            sets_elsewhere: key.sets_elsewhere.clone(),
            ports: key.ports.clone(),
            places: key.places,
            families_certain: key.families_certain,
            host_network: key.host_network,
            variants: Vec::new(),
        }
    }

    fn outside(family: Family, addresses: Vec<AddrSet>, signature: SignatureId) -> Self {
        let mut places = ByFamily::default();
        places[family] = Some(PlaceKey::Known(signature));
        let kind = ClassKind::Outside(family, addresses);
        Self {
            kind,
            sets: Vec::new(),
            maybe_sets: Vec::new(),
            sets_elsewhere: Vec::new(),
            ports: Vec::new(),
            places,
            families_certain: true,
            host_network: false,
            variants: Vec::new(),
        }
    }
}

/// What the policies in force mention.
#[derive(Default)]
struct Used {
    sets: Vec<SetId>,
    blocks: Vec<BlockId>,
    port_names: FxHashSet<Arc<str>>,
    /// Whether a rule asks for a family, besides addresses.
    families: bool,
}

impl Used {
    fn new(set: &PolicySet) -> Self {
        let mut used = Self::default();
        for (_, policy) in set.in_force() {
            used.sets.push(policy.subject);
            for rule in policy.all_rules() {
                used.families |= rule.asks_family();
                used.sets.extend(rule.sets());
                used.blocks.extend(rule.blocks());
                for port in rule.named_ports() {
                    if let PortMatch::Named(name) = &port.ports {
                        used.port_names.insert(name.clone());
                    }
                }
            }
        }
        used.sets.sort_unstable();
        used.sets.dedup();
        used.blocks.sort_unstable();
        used.blocks.dedup();
        used
    }
}

/// What tells groups apart, by group.
struct GroupKeys {
    sets: Table<Vec<SetId>, Group>,
    maybe_sets: Table<Vec<SetId>, Group>,
    sets_elsewhere: Table<Vec<SetId>, Group>,
    ports: Table<Vec<NamedPort>, Group>,
}

impl GroupKeys {
    fn new(model: &ClusterModel, set: &PolicySet, used: &Used) -> Self {
        let count = model.groups.len();
        let mut lists = [(); 3].map(|()| Table::filled(Vec::new(), count));
        for &id in &used.sets {
            let Some(pods) = set.set(id) else { continue };
            let by_labels = pods.unknown_by_labels();
            for (list, groups) in lists.iter_mut().zip([&pods.certain, &by_labels, &pods.elsewhere])
            {
                for group in groups.iter() {
                    list.get_mut(group).into_iter().for_each(|list| list.push(id));
                }
            }
        }
        let [sets, maybe_sets, sets_elsewhere] = lists;
        let ports = model.groups.iter().map(|(_, group)| {
            let named = group.ports.iter().filter(|port| used.port_names.contains(&port.name));
            named.cloned().collect()
        });
        Self { sets, maybe_sets, sets_elsewhere, ports: ports.collect() }
    }

    /// Groups that an endpoint may be of, one for all of those that are in the same sets where its
    /// namespace has the same labels; none if all of them are.
    fn variants(&self, model: &ClusterModel, endpoint: &Endpoint) -> BTreeMap<Variant, GroupId> {
        let groups = endpoint.group.and_then(|group| model.variants.get(&group));
        let list =
            |lists: &Table<Vec<SetId>, Group>, id| lists.get(id).cloned().unwrap_or_default();
        let variant = |id: GroupId| {
            let assumed = model.groups.get(id).and_then(|group| group.assumed.clone());
            (list(&self.sets, id), list(&self.maybe_sets, id), assumed)
        };
        let all = groups.into_iter().flatten().map(|id| (variant(*id), *id));
        let all: BTreeMap<Variant, GroupId> = all.collect();
        let mut in_sets = all.keys().map(|(sets, maybe, _)| (sets, maybe));
        let first = in_sets.next();
        if in_sets.all(|other| Some(other) == first) { BTreeMap::new() } else { all }
    }

    fn of(&self, model: &ClusterModel, endpoint: &Endpoint, atoms: &Atoms) -> Key {
        let of_group = |lists: &Table<Vec<SetId>, Group>| {
            endpoint.group.and_then(|group| lists.get(group)).cloned().unwrap_or_default()
        };
        let ports = endpoint.group.and_then(|group| self.ports.get(group));
        let together: Vec<Variant> = self.variants(model, endpoint).into_keys().collect();
        let is_open = together.iter().any(|(.., assumed)| assumed.is_some());
        let group = endpoint.group.and_then(|group| model.groups.get(group));
        let (_, families_certain) = model.space.families(&endpoint.addresses);
        Key {
            sets: of_group(&self.sets),
            maybe_sets: of_group(&self.maybe_sets),
            sets_elsewhere: of_group(&self.sets_elsewhere),
            ports: ports.cloned().unwrap_or_default(),
            host_network: endpoint.host_network(),
            places: ByFamily::from_fn(|family| place(model, endpoint, family, atoms)),
            families_certain,
            together,
            namespace: group.filter(|_| is_open).map(|group| group.namespace),
        }
    }
}

fn place(
    model: &ClusterModel,
    endpoint: &Endpoint,
    family: Family,
    atoms: &Atoms,
) -> Option<PlaceKey> {
    match &endpoint.addresses {
        _ if !model.space.asks_for(family) => None,
        Addresses::Known(known) => {
            let mut own = known.iter().filter(|address| Family::of(**address) == family);
            own.next().map(|address: &IpAddr| PlaceKey::Known(atoms.of(*address)))
        }
        unknown if model.space.of(unknown, family).is_empty() => None,
        Addresses::SomePod => Some(PlaceKey::SomePod),
        Addresses::SomeNode => Some(PlaceKey::SomeNode),
    }
}
