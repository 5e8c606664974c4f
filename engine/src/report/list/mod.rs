//! The answer of `list`.
//!
//! Nothing here is done for each pair of units: `weave` and `gather` bring together who is treated
//! alike, `ends` finds names for such sets of `members`, `lines` has the lines between them, which
//! are written as `connections`. `focus` has what was asked for, `note` says why something is not
//! known.

pub(super) mod connections;
pub(super) mod endpoint;
pub(super) mod ends;
pub(super) mod focus;
pub(super) mod gather;
pub(super) mod lines;
pub(super) mod members;
pub(super) mod note;
mod pairs;
pub(super) mod part;
pub(super) mod ranges;
mod weave;

use super::PortQuery;
use super::types::{EndpointReport, ListReport, Protocol};
use super::why::Explained;
use crate::manifest::Direction;
use crate::reach::{Reach, Unit};
use crate::selector::Selector;
use crate::session::Session;
use crate::shared::Table;
use focus::Focus;
use members::Member;
use weave::Weaver;

pub use endpoint::{unit_ids, workload_id};
pub use focus::in_focus;

/// Which connections to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only connections of these: `NAMESPACE`, `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME`, a name, an
    /// address, a range of them, or anything that a list calls an endpoint or a group; none: all. An address means the pod that
    /// has it; one of a Service in the cluster means what is behind that.
    pub focus: Vec<String>,
    /// Of these, only those in this namespace; none: in any.
    pub namespace: Option<String>,
    /// Of these, only those with a pod that this selects for certain; none: all.
    pub selector: Option<Selector>,
    /// Of those in focus, only connections to them or from them.
    pub direction: Option<Direction>,
    /// Only connections that include this port: of a range some of it, of a name a number that the
    /// destination has under it.
    pub port: Option<(Protocol, PortQuery)>,
    /// Leave out pairs of which nothing is certain; notes count them all the same.
    pub certain_only: bool,
    /// List also what pods of one workload may send to each other.
    pub siblings: bool,
    /// Say of each connection which rules admit it.
    pub explain: bool,
    /// List each pair of workloads for itself, also where many are treated alike.
    pub expand: bool,
    /// Look for no findings: the summary counts none.
    pub unchecked: bool,
}

impl Session {
    /// Who can reach whom.
    ///
    /// # Cost
    /// Linear in pairs of classes that policies let talk and in the answer; unless it is to be
    /// expanded, that has workloads that are treated alike in one entry.
    pub fn list(&self, filter: &ListFilter) -> ListReport {
        let filter = &self.with_members(filter);
        let new = if filter.explain { Reach::by_policies } else { Reach::new };
        let mut reach = new(self.model(), self.policies());
        let members = members::of_reach(&reach);
        let endpoints = endpoints(self, &reach, &members);
        let focus = Focus::new(&reach, filter, &endpoints);
        let mut explained = Explained::default();
        let woven = Weaver::new(&mut reach, (filter, &focus), &mut explained).weave();
        let notes = note::notes(self, &reach, &woven.counts);
        let lines = connections::write(&reach, &members, &woven, filter.expand);
        let (explanations, admissions) = explained.reports(self);
        ListReport {
            endpoints,
            groups: lines.groups,
            connections: lines.connections,
            port_sets: lines.port_sets,
            explanations,
            admissions,
            notes,
            summary: if filter.unchecked { self.summary_of_input() } else { self.summary() },
        }
    }
}

impl Session {
    /// The filter with members in place of groups that a list names: those of the same list without
    /// a focus, or else of the whole one. Whatever is no group is left as it is.
    #[must_use]
    pub fn with_members(&self, filter: &ListFilter) -> ListFilter {
        // Only what is written for many has a space in it, and parts of workloads.
        let may_be_group = |focus: &String| focus.contains(' ');
        let is_part = |focus: &String| focus.ends_with('}');
        if !filter.focus.iter().any(|focus| may_be_group(focus) && !is_part(focus)) {
            return filter.clone();
        }
        let near =
            ListFilter { focus: Vec::new(), expand: false, explain: false, ..filter.clone() };
        let groups = [near, ListFilter::default()].map(|whole| self.list(&whole).groups).concat();
        let focus = filter.focus.iter().flat_map(|focus| {
            let mut named = groups.iter().filter(|one| *one.id == **focus || *one.name == **focus);
            match named.next() {
                Some(group) => group.members.iter().map(ToString::to_string).collect(),
                None => vec![focus.clone()],
            }
        });
        ListFilter { focus: focus.collect(), ..filter.clone() }
    }
}

pub(super) fn endpoints(
    session: &Session,
    reach: &Reach<'_>,
    members: &Table<Member, Unit>,
) -> Vec<EndpointReport> {
    let units = reach.units().values().zip(members.values());
    units.map(|(unit, member)| endpoint::endpoint(session, unit, &member.id)).collect()
}
