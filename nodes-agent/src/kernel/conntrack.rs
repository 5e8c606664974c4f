//! Connections that the kernel tracks.

use std::net::IpAddr;
use std::path::PathBuf;

use portcullis_engine::net::{Family, Protocol};

use super::KernelError;
use super::exec::{find, run};

/// The tool.
#[derive(Clone, Debug)]
pub struct Conntrack {
    tool: PathBuf,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Protocol.
    pub protocol: Protocol,
    /// Who opened it, and towards whom, as the opener sees it.
    pub original: Tuple,
    /// The way back: its source is who really answers, after all translation.
    pub reply: Tuple,
    /// The mark.
    pub mark: u32,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl Conntrack {
    /// The tool.
    ///
    /// # Errors
    /// If it is not installed.
    pub fn find() -> Result<Self, KernelError> {
        Ok(Self { tool: find("conntrack")? })
    }

    /// All connections of a family in protocols that policies can name.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn list(&self, family: Family) -> Result<Vec<Connection>, KernelError> {
        let text = run(&self.tool, &["-L", "-f", family_word(family)], "")?;
        Ok(text.lines().filter_map(read_connection).collect())
    }

    /// Sets (`bits` = `mask`) or clears (`bits` = 0) bits of a connection's mark. A connection
    /// that has ended meanwhile is no error.
    ///
    /// # Errors
    /// If the tool cannot be run.
    pub fn mark(
        &self,
        connection: &Connection,
        (bits, mask): (u32, u32),
    ) -> Result<(), KernelError> {
        let Connection { protocol, original, .. } = connection;
        let family = family_word(Family::of(original.source));
        let (source, destination) = (original.source.to_string(), original.destination.to_string());
        let ports = [original.source_port.to_string(), original.destination_port.to_string()];
        let protocol = protocol.name().to_ascii_lowercase();
        let mark = format!("{bits:#x}/{mask:#x}");
        let words = ["-U", "-f", family, "-p", &protocol, "-s", &source, "-d", &destination];
        let words = [&words[..], &["--sport", &ports[0], "--dport", &ports[1], "-m", &mark]];
        match run(&self.tool, &words.concat(), "") {
            Ok(_) | Err(KernelError::Failed { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::IPv4 => "ipv4",
        Family::IPv6 => "ipv6",
    }
}

/// A line of `conntrack -L`; none for protocols without ports.
fn read_connection(line: &str) -> Option<Connection> {
    let mut words = line.split_whitespace();
    let protocol = Protocol::from_name(&words.next()?.to_ascii_uppercase())?;
    let fields: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
    let number = |name: &str| {
        fields.iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
    };
    let tuple = |nth: usize| {
        let value = |name: &str| {
            fields.iter().filter(|(key, _)| *key == name).nth(nth).map(|(_, value)| *value)
        };
        Some(Tuple {
            source: value("src")?.parse().ok()?,
            destination: value("dst")?.parse().ok()?,
            source_port: value("sport")?.parse().ok()?,
            destination_port: value("dport")?.parse().ok()?,
        })
    };
    let mark = number("mark").unwrap_or_default();
    Some(Connection { protocol, original: tuple(0)?, reply: tuple(1)?, mark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let line = "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.96.0.1 sport=4000 dport=80 \
                    src=10.0.0.2 dst=10.0.0.1 sport=8080 dport=4000 [ASSURED] mark=3 use=1";
        let connection = read_connection(line).unwrap();
        assert_eq!(connection.protocol, Protocol::Tcp);
        assert_eq!(connection.original.destination.to_string(), "10.96.0.1");
        assert_eq!(connection.reply.source.to_string(), "10.0.0.2");
        assert_eq!((connection.reply.source_port, connection.mark), (8080, 3));
        assert_eq!(read_connection("icmp 1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7"), None);
    }
}
