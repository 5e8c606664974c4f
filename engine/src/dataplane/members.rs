//! Sets of a program, and who is in them.

use std::net::IpAddr;

use super::program::SetName;
use crate::net::{Cidr, Protocol};
use crate::shared::{Side, Sorted};

/// A set of addresses.
///
/// # Shape
/// Its name is made from what it means (a selector, a block), not from its members: pods come and
/// go without any rule being touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSet {
    /// Its name.
    pub name: SetName,
    /// Its members.
    pub members: Members,
}

/// Members of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Addresses, all of one family.
    Addresses(Sorted<IpAddr>),
    /// Blocks of addresses, all of one family, disjoint, none of them `/0`.
    Blocks(Sorted<Cidr>),
    /// Addresses with protocol and port.
    Ports(Sorted<PortMember>),
    /// Ports, whatever the address.
    Numbers(Sorted<u16>),
}

/// An address with protocol and port.
pub type PortMember = (IpAddr, Protocol, u16);

/// What a set can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKind {
    /// Addresses.
    Address,
    /// Blocks of addresses.
    Block,
    /// Addresses with protocol and port.
    Port,
    /// Ports, whatever the address.
    Number,
}

/// The protocols of which the kernel looks up ports alone in a set.
///
/// # Source
/// Linux, `bitmap_port.c`: SCTP has ports too, and is not looked up.
pub const PORT_SETS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

impl SetKind {
    /// The letter in the names of sets of a kind.
    pub fn letter(self) -> char {
        match self {
            Self::Address => 'a',
            Self::Block => 'b',
            Self::Port => 'p',
            Self::Number => 'n',
        }
    }

    /// Whether the name is that of a set of this kind.
    pub fn names(self, set: &str) -> bool {
        set.split('-').nth(1).is_some_and(|part| part.chars().eq([self.letter()]))
    }
}

impl Members {
    /// What kind of set they need.
    pub fn kind(&self) -> SetKind {
        match self {
            Self::Addresses(_) => SetKind::Address,
            Self::Blocks(_) => SetKind::Block,
            Self::Ports(_) => SetKind::Port,
            Self::Numbers(_) => SetKind::Number,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Addresses(members) => members.len(),
            Self::Blocks(members) => members.len(),
            Self::Ports(members) => members.len(),
            Self::Numbers(members) => members.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Members of both.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Addresses(a), Self::Addresses(b)) => Self::Addresses(both(a, b)),
            (Self::Blocks(a), Self::Blocks(b)) => Self::Blocks(both(a, b)),
            (Self::Ports(a), Self::Ports(b)) => Self::Ports(both(a, b)),
            (Self::Numbers(a), Self::Numbers(b)) => Self::Numbers(both(a, b)),
            (a, _) => a.without(a),
        }
    }

    /// Members that another does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Addresses(a), Self::Addresses(b)) => Self::Addresses(without(a, b)),
            (Self::Blocks(a), Self::Blocks(b)) => Self::Blocks(without(a, b)),
            (Self::Ports(a), Self::Ports(b)) => Self::Ports(without(a, b)),
            (Self::Numbers(a), Self::Numbers(b)) => Self::Numbers(without(a, b)),
            (a, _) => a.clone(),
        }
    }

    /// Whether another set has all members.
    pub fn is_subset(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Addresses(a), Self::Addresses(b)) => a.is_subset(b),
            (Self::Blocks(a), Self::Blocks(b)) => a.is_subset(b),
            (Self::Ports(a), Self::Ports(b)) => a.is_subset(b),
            (Self::Numbers(a), Self::Numbers(b)) => a.is_subset(b),
            _ => false,
        }
    }
}

fn only_first<T: Copy + Ord>(a: &Sorted<T>, b: &Sorted<T>) -> impl Iterator<Item = T> {
    let differing = a.difference(b).into_iter();
    differing.filter(|(side, _)| *side == Side::First).map(|(_, member)| member)
}

fn without<T: Copy + Ord>(a: &Sorted<T>, b: &Sorted<T>) -> Sorted<T> {
    only_first(a, b).collect()
}

fn both<T: Copy + Ord>(a: &Sorted<T>, b: &Sorted<T>) -> Sorted<T> {
    let mut both = a.clone();
    for member in only_first(a, b) {
        both.remove(&member);
    }
    both
}
