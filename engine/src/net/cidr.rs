//! CIDRs as the API server reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// A block of addresses of one family, masked to its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cidr {
    /// IPv4; IPv4-mapped IPv6 blocks of 96 bits or more are these too.
    V4(Ipv4Net),
    /// IPv6.
    V6(Ipv6Net),
}

/// Why a text is no CIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrError {
    /// There is no `/` and so no prefix length.
    NoPrefix,
    /// The part before the `/` is no address.
    Address,
    /// The prefix length is no number or too large for the family.
    Prefix,
}

impl Cidr {
    /// Reads a CIDR leniently, as stored objects may have it: host bits are masked off, leading
    /// zeros dropped, IPv4-mapped addresses unmapped.
    ///
    /// # Errors
    /// If Go's `ParseCIDRSloppy` would refuse it: a bare address, blanks, a zone, `10/8`, a mask.
    ///
    /// # Source
    /// NetworkPolicy §3, §16.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = text.split_once('/').ok_or(CidrError::NoPrefix)?;
        if address.contains(':') {
            let address = parse_v6(address).ok_or(CidrError::Address)?;
            return v6(address, parse_prefix(prefix, 128)?);
        }
        let address = parse_v4(address).ok_or(CidrError::Address)?;
        let net =
            Ipv4Net::new(address, parse_prefix(prefix, 32)?).map_err(|_| CidrError::Prefix)?;
        Ok(Self::V4(net.trunc()))
    }

    /// Reads a CIDR as newer APIs do: without leading zeros or IPv4-mapped addresses, but host bits
    /// may be set, and are masked off. None for anything else.
    ///
    /// # Source
    /// `isCIDR` of the expressions in CustomResourceDefinitions, which is Go's `ParsePrefix`.
    pub fn parse_strict(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let zeros = prefix.len() > 1 && prefix.starts_with('0');
        let mapped = |address: Ipv6Addr| address.to_ipv4_mapped().is_some();
        let plain = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => !mapped(address),
        };
        if zeros || !plain { None } else { Self::parse(text).ok() }
    }

    /// Whether a text that [`Self::parse_strict`] reads has bits set behind its prefix.
    pub fn has_host_bits(text: &str) -> bool {
        let address = text.split_once('/').and_then(|(address, _)| address.parse::<IpAddr>().ok());
        let network = Self::parse(text).ok().map(|cidr| match cidr {
            Self::V4(net) => IpAddr::V4(net.network()),
            Self::V6(net) => IpAddr::V6(net.network()),
        });
        address != network
    }

    /// Whether it and `other` are of one family.
    pub fn same_family(self, other: Self) -> bool {
        matches!((self, other), (Self::V4(_), Self::V4(_)) | (Self::V6(_), Self::V6(_)))
    }

    /// Whether the first address of `other` is in it.
    pub fn contains_start(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(a), Self::V4(b)) => a.contains(&b.network()),
            (Self::V6(a), Self::V6(b)) => a.contains(&b.network()),
            _ => false,
        }
    }

    /// The prefix length of a text that [`Self::parse`] reads, as written: IPv4-mapped blocks keep
    /// the one that counts 128 bits.
    pub fn written_prefix(text: &str) -> u8 {
        let prefix = text.split_once('/').map(|(_, prefix)| parse_prefix(prefix, 128));
        prefix.and_then(Result::ok).unwrap_or_default()
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::V4(net) => net.fmt(f),
            Self::V6(net) => net.fmt(f),
        }
    }
}

fn v6(address: Ipv6Addr, prefix: u8) -> Result<Cidr, CidrError> {
    // Go compares an IPv4-mapped block as IPv4 as long as the mask leaves the mapping intact.
    if let (Some(v4), Some(length)) = (address.to_ipv4_mapped(), prefix.checked_sub(96)) {
        let net = Ipv4Net::new(v4, length).map_err(|_| CidrError::Prefix)?;
        return Ok(Cidr::V4(net.trunc()));
    }
    let net = Ipv6Net::new(address, prefix).map_err(|_| CidrError::Prefix)?;
    Ok(Cidr::V6(net.trunc()))
}

/// Four decimal octets; leading zeros are decimal too, as they were before Go 1.17.
fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = parse_decimal(parts.next()?, 255)?.try_into().ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    // An embedded IPv4 part may have leading zeros as well.
    let (head, tail) = text.rsplit_once(':')?;
    format!("{head}:{}", parse_v4(tail)?).parse().ok()
}

fn parse_prefix(text: &str, most: u32) -> Result<u8, CidrError> {
    let length = parse_decimal(text, most).ok_or(CidrError::Prefix)?;
    u8::try_from(length).map_err(|_| CidrError::Prefix)
}

fn parse_decimal(text: &str, most: u32) -> Option<u32> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| digits && *value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Cidr::parse(text).map_or_else(|e| format!("{e:?}"), |cidr| cidr.to_string())
    }

    #[test]
    fn stored_forms_are_masked_and_cleaned() {
        assert_eq!(parsed("10.0.0.5/8"), "10.0.0.0/8");
        assert_eq!(parsed("010.001.0.0/16"), "10.1.0.0/16");
        assert_eq!(parsed("10.0.0.0/08"), "10.0.0.0/8");
        assert_eq!(parsed(&format!("10.0.0.0/{}8", "0".repeat(40))), "10.0.0.0/8");
        assert_eq!(parsed("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(parsed("FD00::1/64"), "fd00::/64");
        assert_eq!(parsed("::/0"), "::/0");
    }

    #[test]
    fn what_is_no_cidr_says_why() {
        for (text, error) in [
            ("10.0.0.1", CidrError::NoPrefix),
            ("10/8", CidrError::Address),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/255.0.0.0", CidrError::Prefix),
            (" 10.0.0.0/8", CidrError::Address),
            ("10.0.0.0/8 ", CidrError::Prefix),
            ("fe80::%eth0/64", CidrError::Address),
            ("example.com/8", CidrError::Address),
            ("10.0.0.256/8", CidrError::Address),
            ("10.0.0.0/", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            // 8 if it were cut to 32 bits.
            ("10.0.0.0/4294967304", CidrError::Prefix),
            ("4294967306.0.0.0/8", CidrError::Address),
        ] {
            assert_eq!(Cidr::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn blocks_of_two_families_have_nothing_in_common() {
        let [v4, v6] = ["0.0.0.0/0", "::/0"].map(|text| Cidr::parse(text).unwrap());
        let mapped = Cidr::parse("::ffff:10.0.0.0/104").unwrap();
        assert!(v4.same_family(mapped) && v6.same_family(v6) && !v6.same_family(mapped));
        assert!(v4.contains_start(mapped) && !v6.contains_start(mapped) && !v4.contains_start(v6));
    }
}
