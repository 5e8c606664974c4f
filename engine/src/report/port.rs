//! Ports as users ask for them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::query::QueryError;
use super::types::Protocol;
use super::words::parse_protocol;
use crate::manifest::syntax;

/// The port that a question is about, or the ports.
///
/// # Shape
/// In JSON a number, or a string for all else: `"http"`, `"80-90"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortQuery {
    /// One number, from 1.
    Number(u16),
    /// Numbers from the first to the last, which is greater.
    Range(u16, u16),
    /// A name: a container's port, or the port of a Service.
    Name(Arc<str>),
}

impl PortQuery {
    /// The number, if it is one.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Range(..) | Self::Name(_) => None,
        }
    }

    /// Whether a number is asked for by number.
    pub fn includes(&self, number: u16) -> bool {
        match self {
            Self::Number(own) => *own == number,
            Self::Range(first, last) => (*first..=*last).contains(&number),
            Self::Name(_) => false,
        }
    }

    /// The port of a text such as `53`, `53/UDP`, `http` or `80-90`, and its protocol: the one in
    /// the text, or the one that is given with it, or TCP.
    ///
    /// # Errors
    /// If it has none of these forms, or if the two protocols differ.
    pub fn parse(text: &str, given: Option<Protocol>) -> Result<(Self, Protocol), QueryError> {
        let (port, own) = match text.trim().split_once('/') {
            None => (text.trim(), None),
            // Other tools write it the other way round.
            Some((protocol, port)) if port.starts_with(|c: char| c.is_ascii_digit()) => {
                (port, Some(parse_protocol(protocol)?))
            }
            Some((port, protocol)) => (port, Some(parse_protocol(protocol)?)),
        };
        let protocol = match (own, given) {
            (Some(own), Some(given)) if own != given => {
                return Err(QueryError::new(format!(
                    "port `{text}` is not {given}: leave out one of the two protocols"
                )));
            }
            (own, given) => own.or(given).unwrap_or(Protocol::Tcp),
        };
        Ok((Self::of(port)?, protocol))
    }

    fn of(text: &str) -> Result<Self, QueryError> {
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.split_once('-') {
            _ if is_number(text) => number(text).map(Self::Number),
            Some((first, last)) if is_number(first) && is_number(last) => {
                range(text, (first, last))
            }
            // Of a container's it is a part of that; Services' are longer.
            _ if syntax::is_dns_label(text) => Ok(Self::Name(text.into())),
            _ => Err(QueryError::new(format!(
                "`{text}` is not a valid port: use a number from 1 to 65535, a range such as 80-90, or the name of a port such as http"
            ))),
        }
    }
}

fn number(text: &str) -> Result<u16, QueryError> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        QueryError::new(format!("`{text}` is not a valid port: ports are 1 to 65535"))
    })
}

fn range(text: &str, (first, last): (&str, &str)) -> Result<PortQuery, QueryError> {
    match (number(first)?, number(last)?) {
        (first, last) if first < last => Ok(PortQuery::Range(first, last)),
        (first, last) if first == last => Ok(PortQuery::Number(first)),
        _ => Err(QueryError::new(format!(
            "`{text}` is not a valid range of ports: the first is greater than the last"
        ))),
    }
}

impl From<u16> for PortQuery {
    fn from(number: u16) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for PortQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Serialize for PortQuery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u16(*number),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for PortQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = PortText::deserialize(deserializer)?;
        Self::of(&written.text()).map_err(serde::de::Error::custom)
    }
}

/// A port as JSON has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a port is a number from 1 to 65535 or a string")]
pub(super) enum PortText {
    /// A number, which need not be that of a port.
    Number(i64),
    /// All else.
    Text(String),
}

impl PortText {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for PortQuery {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortQuery".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The port that a question is about: a number, the name of a container's port or of a Service's (`http`), or a range (`80-90`). In questions the protocol may stand behind it: `53/UDP`.",
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": 65535 },
                { "type": "string" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(PortQuery, Protocol), String> {
        PortQuery::parse(text, None).map_err(|error| error.message)
    }

    #[test]
    fn a_port_is_a_number_a_name_or_a_range() {
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        assert_eq!(read("5432"), Ok((PortQuery::Number(5432), tcp)));
        assert_eq!(read("53/udp"), Ok((PortQuery::Number(53), udp)));
        assert_eq!(read("udp/53"), Ok((PortQuery::Number(53), udp)));
        assert_eq!(read("80-90"), Ok((PortQuery::Range(80, 90), tcp)));
        assert_eq!(read("80-80/UDP"), Ok((PortQuery::Number(80), udp)));
        assert_eq!(read("http-2"), Ok((PortQuery::Name("http-2".into()), tcp)));
    }

    #[test]
    fn what_is_wrong_says_what_is_allowed() {
        for (text, said) in [
            ("0", "ports are 1 to 65535"),
            ("70000", "ports are 1 to 65535"),
            ("90-80", "the first is greater"),
            ("0-80", "ports are 1 to 65535"),
            ("-", "use a number from 1 to 65535, a range"),
            ("", "use a number"),
            ("-5", "use a number"),
            ("HTTP", "use a number"),
            ("53/ICMP", "use TCP, UDP or SCTP"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let two = PortQuery::parse("53/UDP", Some(Protocol::Tcp)).unwrap_err();
        assert!(two.message.contains("not TCP"), "{two}");
    }
}
