//! Names for sets of addresses.

use crate::net::{AddrSet, ByFamily, Family};

/// So many ranges are named as left out at most; of more, all that is meant is written.
const MOST_LEFT_OUT: usize = 4;

/// Addresses under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `all addresses`, `10.0.0.0-10.255.255.255`.
    pub name: String,
    /// Which ones they are.
    pub addresses: AddrSet,
}

/// How a family's addresses are best written.
#[derive(Clone, Debug)]
enum Shape {
    /// All but these, which are none or in the midst.
    But(AddrSet),
    /// As they are.
    Ranges,
}

/// Names for addresses, each of a part of them: ranges, or what is left without a few. `listed` are
/// addresses that are named for the same other end: what is left without those is the others.
pub fn names(addresses: &AddrSet, listed: &AddrSet) -> Vec<Named> {
    let of = ByFamily::from_fn(|family| addresses.of_family(family));
    let shapes = ByFamily::from_fn(|family| shape(addresses, family));
    if let [Shape::But(v4), Shape::But(v6)] = shapes.as_slice() {
        let left_out = v4.union(v6);
        if let Some(name) = but("addresses", &left_out, listed) {
            return vec![Named { name, addresses: addresses.clone() }];
        }
    }
    let of_family = |family: Family| match &shapes[family] {
        Shape::But(left_out) if !left_out.is_empty() => {
            let addresses = &of[family];
            but(&format!("{family} addresses"), left_out, listed)
                .map(|name| vec![Named { name, addresses: addresses.clone() }])
                .unwrap_or_else(|| ranges(addresses))
        }
        _ => ranges(&of[family]),
    };
    Family::BOTH.into_iter().flat_map(of_family).collect()
}

/// Each range under its own name, as other tools write it.
pub fn ranges(addresses: &AddrSet) -> Vec<Named> {
    let range = |addresses: AddrSet| Named { name: addresses.range_texts().concat(), addresses };
    addresses.each_range().into_iter().map(range).collect()
}

fn shape(addresses: &AddrSet, family: Family) -> Shape {
    let left_out = AddrSet::full().of_family(family).difference(addresses);
    if addresses.of_family(family).range_count() > left_out.range_count() {
        Shape::But(left_out)
    } else {
        Shape::Ranges
    }
}

fn but(what: &str, left_out: &AddrSet, listed: &AddrSet) -> Option<String> {
    match left_out.range_count() {
        0 => Some(format!("all {what}")),
        1..=MOST_LEFT_OUT => {
            Some(format!("all {what} except {}", left_out.range_texts().join(", ")))
        }
        _ if left_out.difference(listed).is_empty() => Some(format!("all other {what}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Cidr;

    fn set(cidrs: &[&str]) -> AddrSet {
        AddrSet::from_cidrs(cidrs.iter().map(|text| Cidr::parse(text).unwrap()))
    }

    fn without(cidrs: &[&str]) -> Vec<String> {
        let named = names(&AddrSet::full().difference(&set(cidrs)), &AddrSet::default());
        named.into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn what_is_left_is_named_by_what_is_not() {
        assert_eq!(without(&[]), ["all addresses"]);
        assert_eq!(without(&["10.0.0.0/8"]), ["all addresses except 10.0.0.0-10.255.255.255"]);
        assert_eq!(
            without(&["10.0.0.7/32", "fd00::/127"]),
            ["all addresses except 10.0.0.7, fd00::-fd00::1"]
        );
        assert_eq!(without(&["::/0", "10.0.0.7/32"]), ["all IPv4 addresses except 10.0.0.7"]);
        assert_eq!(without(&["::/0"]), ["0.0.0.0-255.255.255.255"]);
        assert_eq!(without(&["0.0.0.0/0"]), ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
    }

    #[test]
    fn others_are_named_only_where_the_rest_is_listed() {
        let some = set(&["1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8", "7.0.0.0/8", "9.0.0.0/8"]);
        let rest = AddrSet::full().difference(&some);
        let count = |listed: &AddrSet| names(&rest, listed).len();
        assert_eq!(names(&rest, &some).first().unwrap().name, "all other addresses");
        assert_eq!(count(&some), 1);
        assert_eq!(count(&set(&["1.0.0.0/8", "3.0.0.0/8"])), 7);
        assert_eq!(names(&some, &rest).len(), 5);
    }
}
