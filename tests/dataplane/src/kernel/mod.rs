//! A packet filter with sets, as the kernel has it, in memory.

mod rule;
mod set;
mod table;
mod walk;

use std::collections::BTreeMap;
use std::net::IpAddr;

use set::Set;
use table::Table;

/// The kernel of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    tables: [Table; 2],
    sets: BTreeMap<String, Set>,
}

/// A packet, as rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source.
    pub source: IpAddr,
    /// Destination.
    pub destination: IpAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port; the type of a message of ICMP.
    pub port: u16,
    /// Source port; the code of a message of ICMP.
    pub from_port: u16,
    /// The state of its connection.
    pub state: State,
    /// The mark of its connection.
    pub mark: u32,
    /// The hop limit; only rules of IPv6 ask for it.
    pub hops: u8,
    /// The device at which it comes in, and the one at which it goes out; empty for none.
    pub enters: &'static str,
    /// See there.
    pub leaves: &'static str,
    /// Whether the source is an address of the node.
    pub from_node: bool,
    /// Where its connection was sent to before that was translated, and at which port; none if it
    /// was not.
    pub original: Option<(IpAddr, u16)>,
}

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv6,
    /// Another, by its number.
    Other(u8),
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    New,
    Established,
    Related,
    Invalid,
    Untracked,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Passes,
    /// It disappears.
    Dropped,
    /// Its sender is told.
    Refused,
}

/// What a tool says when it fails.
pub type Failure = String;

impl Kernel {
    /// `ipset restore`.
    ///
    /// # Errors
    /// As the tool has them; earlier lines stay in force.
    pub fn ipset_restore(&mut self, text: &str) -> Result<(), Failure> {
        for line in text.lines() {
            self.ipset(line).map_err(|why| format!("{line}: {why}"))?;
        }
        Ok(())
    }

    fn ipset(&mut self, line: &str) -> Result<(), Failure> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["create", name, kind, "family", family, "maxelem", _] => {
                self.create(name, Set::new(kind, family)?)
            }
            ["create", name, "bitmap:port", "range", "0-65535"] => {
                self.create(name, Set::of_ports())
            }
            ["add", name, member] => self.set(name)?.add(member),
            ["del", name, member] => self.set(name)?.remove(member),
            ["destroy", name] => {
                if self.tables.iter().any(|table| table.uses_set(name)) {
                    return Err("it is in use".into());
                }
                self.sets.remove(*name).map(drop).ok_or_else(|| "there is no such set".into())
            }
            _ => Err("unknown command".into()),
        }
    }

    fn create(&mut self, name: &str, new: Set) -> Result<(), Failure> {
        if name.len() > 31 {
            return Err("the name is too long".into());
        }
        match self.sets.insert(name.to_owned(), new) {
            None => Ok(()),
            Some(_) => Err("it exists".into()),
        }
    }

    fn set(&mut self, name: &str) -> Result<&mut Set, Failure> {
        self.sets.get_mut(name).ok_or_else(|| "there is no such set".to_owned())
    }

    /// `iptables-restore --noflush` for family 4, `ip6tables-restore --noflush` for 6.
    ///
    /// # Errors
    /// As the tool has them; nothing of the text is in force then.
    pub fn iptables_restore(&mut self, family: u8, text: &str) -> Result<(), Failure> {
        let mut table = self.table(family).clone();
        table.restore(text, &self.sets)?;
        *self.table_mut(family) = table;
        Ok(())
    }

    /// `iptables-save -t filter` or `ip6tables-save -t filter`.
    pub fn iptables_save(&self, family: u8) -> String {
        self.table(family).save()
    }

    /// `ipset save`.
    pub fn ipset_save(&self) -> String {
        self.sets.iter().map(|(name, set)| set.save(name)).collect()
    }

    /// What becomes of a packet that comes into `FORWARD`, `INPUT` or `OUTPUT`.
    pub fn judge(&self, hook: &str, packet: &Packet) -> Verdict {
        self.walk(hook, packet).0
    }

    /// The same, with the names of all chains that it walks.
    pub fn walk(&self, hook: &str, packet: &Packet) -> (Verdict, Vec<String>) {
        let family = if packet.source.is_ipv4() { 4 } else { 6 };
        let mut chains = Vec::new();
        let verdict = walk::judge(self.table(family), (&self.sets, packet), hook, &mut chains);
        (verdict, chains.into_iter().map(str::to_owned).collect())
    }

    fn table(&self, family: u8) -> &Table {
        let [v4, v6] = &self.tables;
        if family == 4 { v4 } else { v6 }
    }

    fn table_mut(&mut self, family: u8) -> &mut Table {
        let [v4, v6] = &mut self.tables;
        if family == 4 { v4 } else { v6 }
    }
}

impl Packet {
    /// The first packet of a connection.
    pub fn new(source: IpAddr, destination: IpAddr, (protocol, port): (Protocol, u16)) -> Self {
        Self {
            source,
            destination,
            protocol,
            port,
            from_port: match protocol {
                Protocol::Tcp | Protocol::Udp | Protocol::Sctp => 40_000,
                Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => 0,
            },
            state: State::New,
            mark: 0,
            hops: 64,
            enters: "",
            leaves: "",
            from_node: false,
            original: None,
        }
    }

    /// Where its connection was sent to at first, and at which port.
    pub fn first_sent_to(&self) -> (IpAddr, u16) {
        self.original.unwrap_or((self.destination, self.port))
    }
}
