//! Against address spoofing: pods that send with addresses of others.
//!
//! What comes in where pods are, from an address that the node would not send to there, is dropped
//! before anything else sees it. The kernel's routes say where that is, so that nothing is to be
//! kept up to date. It depends on no policy and is no part of the program: it only drops what the
//! program would take for somebody else's.

/// The interfaces at which pods' packets come in; none for no guard.
#[derive(Clone, Debug, Default)]
pub struct SpoofGuard {
    interfaces: Vec<String>,
}

impl SpoofGuard {
    /// A guard of interfaces, as [`interface`] takes them.
    pub fn new(interfaces: Vec<String>) -> Self {
        Self { interfaces }
    }

    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// The interfaces; a last `+` stands for any end.
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }
}

/// A name of interfaces as the kernel takes it; a last `+` stands for any end.
///
/// # Errors
/// A sentence for the operator.
pub fn interface(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('+').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte);
    if (1..=14).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a valid interface name, such as cni0, or prefix of one, such as veth+"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interfaces_are_plain() {
        for good in ["cni0", "veth+", "br-1a2b", "cali+"] {
            assert_eq!(interface(good).as_deref(), Ok(good));
        }
        for bad in ["", "+", "a b", "veth*", "-j", "averyveryverylongname", "x\n"] {
            assert!(interface(bad).is_err(), "{bad}");
        }
    }
}
