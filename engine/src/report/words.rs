//! Words of questions: protocols, families, verdicts.

use super::query::QueryError;
use super::types::{Protocol, Verdict};
use crate::net::Family;

/// The protocol of a name, in any case.
///
/// # Errors
/// If there is no such protocol.
pub fn parse_protocol(text: &str) -> Result<Protocol, QueryError> {
    Protocol::from_name(&text.to_ascii_uppercase()).ok_or_else(|| {
        QueryError::new(format!("`{text}` is not a valid protocol: use TCP, UDP or SCTP"))
    })
}

/// The family of a name, in any case.
///
/// # Errors
/// If it is none.
pub fn parse_family(text: &str) -> Result<Family, QueryError> {
    let mut all = Family::BOTH.into_iter();
    let known = all.find(|family| family.to_string().eq_ignore_ascii_case(text));
    known.ok_or_else(|| {
        QueryError::new(format!("`{text}` is not an address family: use IPv4 or IPv6"))
    })
}

/// The verdict of a word.
///
/// # Errors
/// If it is none.
pub fn parse_verdict(text: &str) -> Result<Verdict, QueryError> {
    match text {
        "allow" => Ok(Verdict::Allow),
        "deny" => Ok(Verdict::Deny),
        "unknown" => Ok(Verdict::Unknown),
        _ => Err(QueryError::new(format!("`{text}` is not a verdict: use allow, deny or unknown"))),
    }
}
