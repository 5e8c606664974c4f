//! Whether the chains that all packets walk do what they must.

mod chains;
mod kinds;

pub use chains::chains;
use chains::services_set;

use super::super::bound::bound;
use super::super::lower::Input;
use super::super::program::{ChainName, Members, States};
use super::hosts;
use super::packets::Packets;
use super::reader::{CONTROL, Product, Reader, Trouble, Walker};
use super::regions::{Outcome, Region, Walk, split};
use super::space::{Space, everywhere};
use crate::manifest::{Direction, Mode};
use crate::net::Family;

/// Where packets come in, and which of the two directions' chains they must walk there.
struct Entry {
    hook: &'static str,
    chain: ChainName,
    calls: u8,
    /// Chains of hosts that packets must walk there, too.
    hosts: u8,
}

/// The bit of the egress chains, and of the ingress chains.
const EGRESS: u8 = 1;
const INGRESS: u8 = 2;
/// Those of both.
const OF_PODS: u8 = EGRESS | INGRESS;
/// The bits of the chains of hosts, in the order in which they are looked for.
const ENTERING: u8 = 4;
const LEAVING: u8 = 8;
const RECEIVED: u8 = 16;
const SENT: u8 = 32;

const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Messages that no pod may send: advertisements of routers and redirects.
const OF_ROUTERS: [u8; 2] = [134, 137];
/// Messages of pods that nobody needs, and that may be denied: reports of multicast listeners.
const OF_LISTENERS: [u8; 4] = [130, 131, 132, 143];

/// Checks one family's frame.
pub struct Frame<'f, 'p> {
    /// The program.
    pub reader: &'f Reader<'p>,
    /// What it is made from.
    pub input: Input<'f>,
    /// The addresses of local pods, by the model.
    pub local: &'f Space,
}

/// What must happen to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// They are denied.
    Denied,
    /// They are denied, or judged by policies.
    Deniable,
    /// They are not denied, nor need policies be asked.
    Undenied,
    /// They pass, and no policy is asked.
    Passed,
    /// They pass, and only policies of hosts are asked.
    OfHosts,
    /// The policies of the entry's ends judge them, and nothing else does.
    Judged,
}

/// What must happen to packets of a kind, and to which: the first that applies; to others,
/// policies.
type Demand = Vec<(Region, Fate)>;

impl Frame<'_, '_> {
    /// Checks that packets come to where policies are, and what holds without policies.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Trouble> {
        self.check_rest()?;
        for entry in self.entries()? {
            self.fated(&entry, Walker::FIRST, &self.demand(&entry))?;
            self.established(&entry)?;
            self.invalid(&entry)?;
            if self.reader.program.family == Family::IPv6 {
                self.control(&entry)?;
            }
            if entry.hook == "OUTPUT" {
                let walker = Walker { from_node: true, ..Walker::FIRST };
                let mut outcome = self.walk(&entry, walker)?;
                outcome.returned.iter_mut().for_each(|region| region.calls &= OF_PODS);
                none_of(&stopped(&outcome), &entry, "the node's own packets are policed")?;
            }
        }
        Ok(())
    }

    /// Checks what is no chain: where packets come in, who is local, and what Services there are.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_rest(&self) -> Result<(), Trouble> {
        let program = self.reader.program;
        if self.reader.addresses(&program.local)?.space() != self.local {
            return Err("the set of local addresses is not that of the node's pods".into());
        }
        if let Some(services) = &self.input.wiring.services {
            let own = services.iter().filter(|service| Family::of(service.0) == program.family);
            let own = Members::Ports(own.copied().collect());
            if *self.reader.port_members(&services_set(program, self.input.settings))? != own {
                return Err("the set of Services is not that of the kernel's".into());
            }
        }
        self.entries().map(drop)
    }

    fn entries(&self) -> Result<Vec<Entry>, Trouble> {
        let (settings, both) = (self.input.settings, EGRESS | INGRESS);
        let hosted = bound(self.input).is_some();
        let of_hosts = |bits: u8| if hosted { bits } else { 0 };
        let entry =
            |hook, chain, calls, hosts| Entry { hook, chain, calls, hosts: of_hosts(hosts) };
        let mut entries = vec![
            entry("FORWARD", settings.forward(), both, ENTERING | LEAVING),
            entry("INPUT", settings.input(), EGRESS, RECEIVED),
        ];
        let has_services = self.input.wiring.services.is_some();
        if hosted || has_services {
            let calls = if has_services { both } else { 0 };
            entries.push(entry("OUTPUT", settings.output(), calls, SENT));
        }
        let hooks = &self.reader.program.hooks;
        let same = hooks.len() == entries.len()
            && entries.iter().all(|entry| {
                hooks.iter().any(|hook| hook.from == entry.hook && hook.to == entry.chain)
            });
        if same { Ok(entries) } else { Err("packets do not come in where they must".into()) }
    }

    fn all(&self) -> Region {
        let any = everywhere(self.reader.program.family);
        let devices = self.reader.devices.all();
        let (enters, leaves) = (devices.clone(), devices);
        Region { enters, leaves, ..Region::between(any.clone(), any) }
    }

    fn walk(&self, entry: &Entry, walker: Walker) -> Result<Outcome, Trouble> {
        let roots = [Direction::Egress, Direction::Ingress].map(|d| self.input.settings.root(d));
        let opaque: Vec<ChainName> = roots.into_iter().chain(hosts::roots(self.input)).collect();
        // Messages of ICMPv6 have no ports.
        let conns = if walker.control.is_some() { Packets::portless() } else { Packets::all() };
        let region = Region { conns, ..self.all() };
        Walk { reader: self.reader, walker, opaque: &opaque }.chain(&entry.chain, region)
    }

    /// What must happen to first packets.
    fn demand(&self, entry: &Entry) -> Demand {
        let fate = self.denied();
        let denied = |region| (region, fate);
        match entry.hook {
            "FORWARD" => {
                let foreign = [self.foreign_source(), self.foreign_destination()];
                foreign.into_iter().chain(self.unknown()).map(denied).collect()
            }
            "INPUT" => {
                let services = self.services().into_iter().map(|to| (to, Fate::OfHosts));
                let first = [(self.dhcp(), Fate::Passed), denied(self.foreign_source())];
                first.into_iter().chain(services).collect()
            }
            _ => Demand::new(),
        }
    }

    /// What happens to what must be denied whatever policies say.
    fn denied(&self) -> Fate {
        match self.input.settings.mode {
            Mode::Enforce => Fate::Denied,
            Mode::Audit => Fate::Undenied,
        }
    }

    /// Checks that packets of a kind have their fate.
    fn fated(&self, entry: &Entry, walker: Walker, demand: &Demand) -> Result<(), Trouble> {
        let outcome = self.walk(entry, walker)?;
        let through = outcome.returned.into_iter().chain(outcome.accepted);
        let through = through.map(|region| {
            let fate = match region.calls & OF_PODS {
                0 if entry.calls != 0 => Some(Fate::Passed),
                calls => (calls == entry.calls).then_some(Fate::Judged),
            };
            (region, fate)
        });
        let denied = outcome.denied.into_iter().map(|region| (region, Some(Fate::Denied)));
        for (region, fate) in through.chain(denied) {
            let mut rest = vec![region];
            for (of, demanded) in demand {
                let (inside, outside) = split(&rest, &Product::from(of));
                rest = outside;
                if !inside.is_empty() {
                    agree(entry, fate, *demanded)?;
                    asked_hosts(entry, &inside, (fate, *demanded))?;
                }
            }
            if !rest.is_empty() {
                agree(entry, fate, Fate::Judged)?;
                asked_hosts(entry, &rest, (fate, Fate::Judged))?;
            }
        }
        Ok(())
    }

    /// Established connections pass, and those that are to be cut do not.
    fn established(&self, entry: &Entry) -> Result<(), Trouble> {
        for from_node in [false, true] {
            let state = Some(States::EstablishedOrRelated);
            let walker = Walker { state, from_node, ..Walker::FIRST };
            let outcome = self.walk(entry, walker)?;
            none_of(&stopped(&outcome), entry, "established connections are policed")?;
            if self.input.settings.mode == Mode::Audit {
                self.nothing_denied(entry, Walker { marked: true, ..walker })?;
                continue;
            }
            let outcome = self.walk(entry, Walker { marked: true, ..walker })?;
            let through: Vec<Region> =
                outcome.returned.into_iter().chain(outcome.accepted).collect();
            none_of(&through, entry, "connections that are to be cut pass")?;
        }
        Ok(())
    }

    fn nothing_denied(&self, entry: &Entry, walker: Walker) -> Result<(), Trouble> {
        none_of(&self.walk(entry, walker)?.denied, entry, "packets are denied in an audit")
    }

    /// Packets of no connection are judged like new ones, or dropped where they concern local or
    /// unknown pods.
    fn invalid(&self, entry: &Entry) -> Result<(), Trouble> {
        let walker = Walker { state: Some(States::Invalid), ..Walker::FIRST };
        let mut demand = self.demand(entry);
        if self.input.settings.drops_invalid() && entry.hook == "FORWARD" {
            let (source, destination) = (self.local.clone(), self.local.clone());
            demand.push((Region { source, ..self.all() }, Fate::Denied));
            demand.push((Region { destination, ..self.all() }, Fate::Denied));
            demand.push((self.all(), Fate::Passed));
        }
        self.fated(entry, walker, &demand)
    }

    /// Neighbours find each other; what is not from a neighbour is judged like anything else; pods
    /// are no routers.
    fn control(&self, entry: &Entry) -> Result<(), Trouble> {
        for (kind, neighbour) in CONTROL.into_iter().flat_map(|kind| [(kind, false), (kind, true)])
        {
            let walker = Walker { control: Some(kind), neighbour, ..Walker::FIRST };
            let mut demand = self.demand(entry);
            let from_pods = Region { enters: self.pod_devices(), ..self.all() };
            if neighbour && is_needed(entry, kind) {
                demand.insert(0, (self.all(), Fate::Passed));
            } else if entry.hook != "OUTPUT" && OF_ROUTERS.contains(&kind) {
                demand.insert(0, (from_pods, self.denied()));
            } else if entry.hook != "OUTPUT" && OF_LISTENERS.contains(&kind) {
                demand.push((from_pods, Fate::Deniable));
            }
            self.fated(entry, walker, &demand)?;
        }
        Ok(())
    }
}

/// Whether what happens is what must happen.
fn agree(entry: &Entry, fate: Option<Fate>, demanded: Fate) -> Result<(), Trouble> {
    let wrong = match (demanded, fate) {
        (_, Some(fate)) if fate == demanded => return Ok(()),
        (Fate::Deniable, Some(Fate::Denied | Fate::Judged)) => return Ok(()),
        (Fate::Undenied, Some(Fate::Passed | Fate::Judged)) => return Ok(()),
        (Fate::OfHosts, Some(Fate::Passed)) => return Ok(()),
        (Fate::Denied, _) => "packets of unknown pods pass",
        (_, Some(Fate::Denied)) => "packets are denied that no policy denies",
        (Fate::Passed | Fate::OfHosts, _) => "packets are policed that must pass",
        _ => "packets get past policies",
    };
    Err(format!("{}: {wrong}", entry.chain))
}

/// Whether policies of hosts have been asked about packets that pass, unless they need not be.
fn asked_hosts(
    entry: &Entry,
    regions: &[Region],
    (fate, demanded): (Option<Fate>, Fate),
) -> Result<(), Trouble> {
    let is_exempt = fate == Some(Fate::Denied) || demanded == Fate::Passed;
    let asked = |region: &Region| region.calls & entry.hosts == entry.hosts;
    match is_exempt || regions.iter().all(asked) {
        true => Ok(()),
        false => Err(format!("{}: packets get past policies of hosts", entry.chain)),
    }
}

/// Whether there is no IPv6 without messages of this type.
fn is_needed(entry: &Entry, kind: u8) -> bool {
    match entry.hook {
        "FORWARD" => [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT].contains(&kind),
        "INPUT" => {
            [ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT].contains(&kind)
        }
        _ => false,
    }
}

/// What is denied, or comes to where policies may deny it.
fn stopped(outcome: &Outcome) -> Vec<Region> {
    let through = outcome.returned.iter().chain(&outcome.accepted);
    outcome.denied.iter().chain(through.filter(|region| region.calls != 0)).cloned().collect()
}

fn none_of(regions: &[Region], entry: &Entry, wrong: &str) -> Result<(), Trouble> {
    if regions.is_empty() { Ok(()) } else { Err(format!("{}: {wrong}", entry.chain)) }
}
