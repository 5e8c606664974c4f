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

/// What policies can ask of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// Protocol.
    pub protocol: Protocol,
    /// Who opened it.
    pub client: IpAddr,
    /// Who really answers.
    pub server: IpAddr,
    /// Where that one answers.
    pub port: u16,
}

impl Connection {
    /// Its ends.
    pub fn ends(&self) -> Ends {
        let Self { protocol, original, reply, .. } = *self;
        let (client, server, port) = (original.source, reply.source, reply.source_port);
        Ends { protocol, client, server, port }
    }
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

    /// All connections of a family in protocols that policies can name, without those that are
    /// over and only kept so that late packets are known.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn list(&self, family: Family) -> Result<Vec<Connection>, KernelError> {
        let text = run(&self.tool, &["-L", "-f", family_word(family)], "")?;
        Ok(text.lines().filter_map(read_connection).collect())
    }

    /// Sets (`bits` = `mask`) or clears (`bits` = 0) bits of the marks of all connections between
    /// two ends. That there are none any more is no error.
    ///
    /// # Errors
    /// If the tool cannot be run.
    ///
    /// # Cost
    /// Linear in the connections of the whole node, whatever is named: so it is done once for two
    /// ends, not once for each of their connections.
    pub fn mark(&self, ends: &Ends, (bits, mask): (u32, u32)) -> Result<(), KernelError> {
        let family = family_word(Family::of(ends.client));
        let (client, server) = (ends.client.to_string(), ends.server.to_string());
        let (port, protocol) = (ends.port.to_string(), ends.protocol.name().to_ascii_lowercase());
        let mark = format!("{bits:#x}/{mask:#x}");
        let words = ["-U", "-f", family, "-p", &protocol, "-s", &client, "-r", &server];
        let words = [&words[..], &["--reply-port-src", &port, "-m", &mark]];
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

/// The states in which a connection is over.
const OVER: [&str; 3] = ["TIME_WAIT", "CLOSE", "CLOSED"];

/// A line of `conntrack -L`; none for protocols without ports, nor for what is over.
fn read_connection(line: &str) -> Option<Connection> {
    let mut words = line.split_whitespace();
    let protocol = Protocol::from_name(&words.next()?.to_ascii_uppercase())?;
    if words.clone().any(|word| OVER.contains(&word)) {
        return None;
    }
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
        let over = line.replace("ESTABLISHED", "TIME_WAIT");
        assert_eq!(read_connection(&over), None);
        assert!(read_connection(&line.replace("ESTABLISHED", "CLOSE_WAIT")).is_some());
        assert_eq!(read_connection("icmp 1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7"), None);
    }
}
