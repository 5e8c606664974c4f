//! What differs between what two sides say of a pair.

use super::side::{Passing, State};
use crate::net::{ByFamily, ConnId, ConnTable, Family};
use crate::report::types::Verdict;

/// Flows of which the sides say something else; none where a side does not have both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    pub before: Option<Verdict>,
    pub after: Option<Verdict>,
    /// On which ports, in the common table.
    pub ports: ConnId,
    /// The family that this holds for, where the two differ.
    pub family: Option<Family>,
}

/// All flows of a pair of which the sides say something else. What is denied to or from an end that
/// the other side does not have is no difference: so would it be without it.
pub fn differing(before: Option<State>, after: Option<State>, conns: &mut ConnTable) -> Vec<Flow> {
    if before == after {
        return Vec::new();
    }
    let of = |family: Family| {
        let (before, after) = (before.map(|state| state[family]), after.map(|state| state[family]));
        of_family(before, after, conns)
    };
    let [v4, v6] = Family::BOTH.map(of);
    if v4 == v6 {
        return v4;
    }
    let of = ByFamily::from_array([v4, v6]).into_iter();
    let flows = of.flat_map(|(family, flows)| {
        flows.into_iter().map(move |flow| Flow { family: Some(family), ..flow })
    });
    flows.collect()
}

fn of_family(before: Option<Passing>, after: Option<Passing>, conns: &mut ConnTable) -> Vec<Flow> {
    let (olds, news) = (sets(before, conns), sets(after, conns));
    let mut flows = Vec::new();
    for (before, old) in &olds {
        for (after, new) in &news {
            let is_news =
                before != after && !matches!((before, after), (None, Some(Verdict::Deny)));
            let is_news = is_news && !matches!((before, after), (Some(Verdict::Deny), None));
            if is_news {
                let ports = conns.intersection(*old, *new);
                let (before, after) = (*before, *after);
                flows.push(Flow { before, after, ports, family: None });
            }
        }
    }
    flows.retain(|flow| flow.ports != ConnId::NONE);
    flows
}

/// What is allowed, unknown and denied.
fn sets(passing: Option<Passing>, conns: &mut ConnTable) -> Vec<(Option<Verdict>, ConnId)> {
    let Some(Passing { allowed, unknown }) = passing else { return vec![(None, ConnId::ALL)] };
    let denied = conns.difference(ConnId::ALL, allowed);
    let denied = conns.difference(denied, unknown);
    vec![
        (Some(Verdict::Allow), allowed),
        (Some(Verdict::Unknown), unknown),
        (Some(Verdict::Deny), denied),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{ConnSet, PortSet, Protocol};

    fn tcp(first: u16, last: u16, conns: &mut ConnTable) -> ConnId {
        conns.intern(ConnSet::of(Protocol::Tcp, PortSet::range(first, last)))
    }

    #[test]
    fn what_opens_closes_and_becomes_unknown_is_apart() {
        let mut conns = ConnTable::default();
        let (low, high) = (tcp(1, 80, &mut conns), tcp(80, 90, &mut conns));
        let (only_low, both) = (tcp(1, 79, &mut conns), tcp(80, 80, &mut conns));
        let only_high = tcp(81, 90, &mut conns);
        let state = |allowed, unknown| State::from_fn(|_| Passing { allowed, unknown });
        let mut flows = |before, after| -> Vec<(Option<Verdict>, Option<Verdict>, ConnId)> {
            let all = differing(before, after, &mut conns).into_iter();
            all.map(|flow| (flow.before, flow.after, flow.ports)).collect()
        };
        let (allow, unknown, deny) =
            (Some(Verdict::Allow), Some(Verdict::Unknown), Some(Verdict::Deny));
        let (old, new) = (Some(state(low, ConnId::NONE)), Some(state(high, ConnId::NONE)));
        assert_eq!(flows(old, new), [(allow, deny, only_low), (deny, allow, only_high)]);
        assert_eq!(flows(old, old), []);
        let open = Some(state(ConnId::NONE, high));
        let expected =
            [(allow, unknown, both), (allow, deny, only_low), (deny, unknown, only_high)];
        assert_eq!(flows(old, open), expected);
        assert_eq!(flows(None, old), [(None, allow, low)]);
        assert_eq!(flows(open, None), [(unknown, None, high)]);
    }

    #[test]
    fn families_are_apart_only_where_they_differ() {
        let mut conns = ConnTable::default();
        let all = Passing { allowed: ConnId::ALL, unknown: ConnId::NONE };
        let none = Passing::default();
        let of = |v4, v6| Some(State::from_array([v4, v6]));
        let mut families = |before, after| -> Vec<Option<Family>> {
            differing(before, after, &mut conns).iter().map(|flow| flow.family).collect()
        };
        assert_eq!(families(of(none, none), of(all, all)), [None]);
        assert_eq!(families(of(none, all), of(all, all)), [Some(Family::IPv4)]);
        assert_eq!(families(of(none, all), of(all, none)), [Family::IPv4, Family::IPv6].map(Some));
    }
}
