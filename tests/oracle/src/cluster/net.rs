//! Blocks of addresses, as numbers and prefix lengths.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Four or six.
    pub family: u8,
    /// Any address of the block, as a number; bits after the prefix do not count.
    pub number: u128,
    /// Prefix length.
    pub prefix: u32,
}

/// Four or six.
pub fn family_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
}

/// An address as a number.
pub fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn bits(family: u8) -> u32 {
    if family == 4 { 32 } else { 128 }
}

impl Net {
    /// The block of an address with a prefix length.
    pub fn of(address: IpAddr, prefix: u32) -> Self {
        let whole = Self { family: family_of(address), number: number_of(address), prefix };
        Self { number: whole.first(), ..whole }
    }

    /// The block of one address.
    pub fn one(address: IpAddr) -> Self {
        Self::of(address, bits(family_of(address)))
    }

    /// How many bits an address of its family has.
    pub fn bits(&self) -> u32 {
        bits(self.family)
    }

    /// The number of its first address.
    pub fn first(&self) -> u128 {
        self.number & !self.rest()
    }

    /// The number of its last address.
    pub fn last(&self) -> u128 {
        self.number | self.rest()
    }

    /// One in every bit after the prefix.
    fn rest(&self) -> u128 {
        let free = self.bits() - self.prefix;
        1u128.checked_shl(free).map_or(u128::MAX, |above| above - 1)
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let number = number_of(address);
        family_of(address) == self.family && self.first() <= number && number <= self.last()
    }

    /// An address of its family; none beyond the last one.
    pub fn address(family: u8, number: u128) -> Option<IpAddr> {
        if family == 4 {
            return Some(Ipv4Addr::from(u32::try_from(number).ok()?).into());
        }
        Some(Ipv6Addr::from(number).into())
    }

    /// Addresses just inside and just outside of its ends.
    pub fn edges(&self) -> Vec<IpAddr> {
        let (first, last) = (self.first(), self.last());
        let numbers = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
        let numbers = numbers.into_iter().flatten();
        numbers.filter_map(|number| Self::address(self.family, number)).collect()
    }

    /// Its two halves; none if it is one address.
    pub fn halves(&self) -> Option<[Self; 2]> {
        if self.prefix == self.bits() {
            return None;
        }
        let half = |number| Self { number, prefix: self.prefix + 1, ..*self };
        let high = half(self.last());
        Some([half(self.first()), half(high.first())])
    }

    /// Whether it lies in another one.
    pub fn within(&self, other: &Self) -> bool {
        self.family == other.family
            && other.prefix <= self.prefix
            && other.first() <= self.first()
            && self.last() <= other.last()
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = Self::address(self.family, self.number);
        write!(f, "{}/{}", address.map(|a| a.to_string()).unwrap_or_default(), self.prefix)
    }
}
