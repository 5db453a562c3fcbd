//! Packet filter rules, spoken to the kernel's nf_tables directly: no program is run and
//! no library loaded.
//!
//! A [`Batch`] is done whole or not at all. Only what these batches are made for is here:
//! tables, base chains, sets of names and maps, and rules out of a few expressions
//! ([`rule`]). Numbers and layouts are those of `linux/netfilter/nf_tables.h`.
//!
//! ```text
//! attributes   netlink's nested type-length-value
//! rule         expressions, in the order that they are evaluated
//! flows        what connection tracking remembers, forgotten
//! ```

mod attributes;
mod flows;
mod rule;

use std::io;

use attributes::Attributes;
use rustix::{io::Errno, net::netlink};

pub use flows::Flows;
pub use rule::{Direction, Family, Rule, Verdict};

use super::netlink::{Error, Result, Socket};

/// Both IPv4 and IPv6 (`NFPROTO_INET`).
const INET: u8 = 1;
/// `NFNL_SUBSYS_NFTABLES`, the high byte of a message's type.
const SUBSYSTEM: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = SUBSYSTEM;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const DELETE_TABLE: u16 = SUBSYSTEM | 2;
const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const NEW_SET: u16 = SUBSYSTEM | 9;
const NEW_ELEMENT: u16 = SUBSYSTEM | 12;
const DELETE_ELEMENT: u16 = SUBSYSTEM | 14;

const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

/// Where a base chain is called.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Its number, `NF_INET_*`.
    pub number: u32,
    /// Its turn among others; the lower the earlier.
    pub priority: i32,
    /// What kind of chain it is.
    pub kind: &'static str,
}

/// `NF_INET_PRE_ROUTING`
pub const PRE_ROUTING: u32 = 0;
/// `NF_INET_LOCAL_IN`
pub const LOCAL_IN: u32 = 1;
/// `NF_INET_FORWARD`
pub const FORWARD: u32 = 2;
/// `NF_INET_LOCAL_OUT`
pub const LOCAL_OUT: u32 = 3;
/// `NF_INET_POST_ROUTING`
pub const POST_ROUTING: u32 = 4;

/// What the parts of a set's keys (and a map's values) are. The kernel knows lengths
/// only; the numbers are for nft(8), which shows them by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A transport protocol.
    Protocol,
    /// A port.
    Port,
    /// An interface's name.
    Interface,
}

impl Part {
    /// nft(8)'s number for it.
    fn number(self) -> u32 {
        match self {
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Interface => 41,
        }
    }

    /// Bytes that it takes in a key: a multiple of a register.
    fn length(self) -> u32 {
        match self {
            Self::Ipv4 | Self::Protocol | Self::Port => 4,
            Self::Ipv6 | Self::Interface => 16,
        }
    }
}

fn type_number(parts: &[Part]) -> u32 {
    parts.iter().fold(0, |all, part| all << 6 | part.number())
}

fn length(parts: &[Part]) -> u32 {
    parts.iter().map(|part| part.length()).sum()
}

/// A set, or with values a map.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Part],
    /// What a key leads to; nothing in a set.
    pub values: &'static [Part],
}

/// An interface's name as a key has it.
pub fn interface_key(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.resize(16, 0);
    key
}

/// Changes that the kernel does all together, or none of them.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    operations: Vec<String>,
    sets: u32,
}

impl Batch {
    fn push(&mut self, operation: String, kind: u16, flags: u16, attributes: &Attributes) {
        self.operations.push(operation);
        let sequence = self.operations.len() as u32;
        let flags = REQUEST | ACKNOWLEDGE | flags;
        message(&mut self.bytes, kind, flags, sequence, INET, 0, attributes);
    }

    /// Make a table, if there is none of that name.
    pub fn add_table(&mut self, table: &str) -> &mut Self {
        let mut attributes = Attributes::default();
        attributes.text(1, table);
        let operation = format!("make the table {table}");
        self.push(operation, NEW_TABLE, CREATE, &attributes);
        self
    }

    /// Remove a table with all that is in it.
    pub fn delete_table(&mut self, table: &str) -> &mut Self {
        let mut attributes = Attributes::default();
        attributes.text(1, table);
        let operation = format!("remove the table {table}");
        self.push(operation, DELETE_TABLE, 0, &attributes);
        self
    }

    /// Make a chain; without a hook it is only jumped to.
    pub fn add_chain(&mut self, table: &str, chain: &str, hook: Option<Hook>) -> &mut Self {
        let mut attributes = Attributes::default();
        attributes.text(1, table).text(3, chain);
        if let Some(hook) = hook {
            attributes
                .nested(4, |place| {
                    place.number(1, hook.number);
                    place.number(2, hook.priority as u32);
                })
                .text(7, hook.kind);
        }
        let operation = format!("make the chain {chain}");
        self.push(operation, NEW_CHAIN, CREATE, &attributes);
        self
    }

    /// Make a set or a map.
    pub fn add_set(&mut self, table: &str, set: &Set) -> &mut Self {
        const MAP: u32 = 8;
        const CONCATENATION: u32 = 0x80;
        self.sets += 1;
        let mut flags = 0;
        if set.keys.len() > 1 {
            flags |= CONCATENATION;
        }
        if !set.values.is_empty() {
            flags |= MAP;
        }
        let mut attributes = Attributes::default();
        attributes
            .text(1, table)
            .text(2, set.name)
            .number(3, flags)
            .number(4, type_number(set.keys))
            .number(5, length(set.keys));
        if !set.values.is_empty() {
            attributes
                .number(6, type_number(set.values))
                .number(7, length(set.values));
        }
        if set.keys.len() > 1 {
            // NFTA_SET_DESC_CONCAT: the length of each part.
            attributes.nested(9, |description| {
                description.nested(2, |concatenation| {
                    for part in set.keys {
                        concatenation.nested(1, |field| {
                            field.number(1, part.length());
                        });
                    }
                });
            });
        }
        attributes.number(10, self.sets);
        if set.keys == [Part::Interface] {
            // For nft(8): the key is in the byte order of this machine (1), as text is.
            attributes.bytes(13, &[0, 4, 1, 0, 0, 0]);
        }
        let operation = format!("make the set {}", set.name);
        self.push(operation, NEW_SET, CREATE, &attributes);
        self
    }

    /// Add a rule behind those of its chain.
    pub fn add_rule(&mut self, table: &str, chain: &str, rule: &Rule) -> &mut Self {
        let mut attributes = Attributes::default();
        attributes
            .text(1, table)
            .text(2, chain)
            .nested_bytes(4, rule.expressions());
        let operation = format!("make a rule of {chain}");
        self.push(operation, NEW_RULE, CREATE | APPEND, &attributes);
        self
    }

    /// Put a key into a set, or with a value into a map. One that is there with the same
    /// value is no error.
    pub fn add_element(&mut self, table: &str, set: &Set, key: &[u8], value: &[u8]) -> &mut Self {
        let attributes = element(table, set, key, value);
        let operation = format!("add to the set {}", set.name);
        self.push(operation, NEW_ELEMENT, CREATE, &attributes);
        self
    }

    /// Take a key out of a set. One that is not there fails the whole batch.
    pub fn delete_element(&mut self, table: &str, set: &Set, key: &[u8]) -> &mut Self {
        let attributes = element(table, set, key, &[]);
        let operation = format!("take from the set {}", set.name);
        self.push(operation, DELETE_ELEMENT, 0, &attributes);
        self
    }

    /// Do it.
    pub fn commit(&self, socket: &Socket) -> Result<()> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let last = self.operations.len() as u32;
        let mut bytes = Vec::with_capacity(self.bytes.len() + 64);
        let nothing = Attributes::default();
        message(&mut bytes, BATCH_BEGIN, REQUEST, 0, 0, 10, &nothing);
        bytes.extend_from_slice(&self.bytes);
        message(&mut bytes, BATCH_END, REQUEST, last + 1, 0, 10, &nothing);
        let mut first = None;
        let done = socket.send(&bytes).and_then(|()| {
            socket.receive(|answer| {
                let Some(outcome) = answer.outcome() else {
                    return false;
                };
                let number = answer.sequence;
                if let Err(source) = outcome
                    && first.is_none()
                {
                    let operation = self.operations.get((number as usize).wrapping_sub(1));
                    let operation = operation.map_or("change the packet filter", |text| text);
                    first = Some(Error::new(operation, source));
                }
                // Number 0: the batch as a whole was refused.
                number == last || number == 0
            })
        });
        done.map_err(|source| Error::new("change the packet filter", source))?;
        first.map_or(Ok(()), Err)
    }
}

fn element(table: &str, set: &Set, key: &[u8], value: &[u8]) -> Attributes {
    let mut attributes = Attributes::default();
    attributes
        .text(1, table)
        .text(2, set.name)
        .nested(3, |elements| {
            elements.nested(1, |element| {
                element.data(1, key);
                if !value.is_empty() {
                    element.data(2, value);
                }
            });
        });
    attributes
}

fn message(
    bytes: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    attributes: &Attributes,
) {
    let length = 20 + attributes.as_bytes().len();
    bytes.extend_from_slice(&(length as u32).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0u32.to_ne_bytes());
    bytes.extend_from_slice(&[family, 0]);
    bytes.extend_from_slice(&resource.to_be_bytes());
    bytes.extend_from_slice(attributes.as_bytes());
}

/// A base chain of anybody's that drops what none of its rules accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppingChain {
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
}

impl Socket {
    /// A socket for packet filter rules.
    pub fn netfilter() -> Result<Self> {
        Self::open(Some(netlink::NETFILTER), "open a netfilter socket")
    }

    /// Whether there is a table of ours with that name.
    pub fn has_table(&self, table: &str) -> Result<bool> {
        let mut attributes = Attributes::default();
        attributes.text(1, table);
        let mut bytes = Vec::new();
        message(&mut bytes, GET_TABLE, REQUEST, 1, INET, 0, &attributes);
        let mut outcome = Ok(());
        self.send(&bytes)
            .and_then(|()| {
                self.receive(|answer| {
                    outcome = answer.outcome().unwrap_or(Ok(()));
                    true
                })
            })
            .and(outcome)
            .map(|()| true)
            .or_else(|error| match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => Ok(false),
                _ => Err(Error::new(format!("look for the table {table}"), error)),
            })
    }

    /// Everybody's chains that see forwarded packets and drop by default.
    pub fn dropping_chains(&self) -> Result<Vec<DroppingChain>> {
        const DONE: u16 = 3;
        let mut bytes = Vec::new();
        let nothing = Attributes::default();
        message(&mut bytes, GET_CHAIN, REQUEST | DUMP, 1, 0, 0, &nothing);
        let (mut found, mut outcome) = (Vec::new(), Ok(()));
        let done: io::Result<()> = self.send(&bytes).and_then(|()| {
            self.receive(|answer| {
                if let Some(result) = answer.outcome() {
                    outcome = result;
                    return true;
                }
                if answer.kind == DONE {
                    return true;
                }
                found.extend(dropping(answer.payload.get(4..).unwrap_or_default()));
                false
            })
        });
        done.and(outcome)
            .map_err(|source| Error::new("list the packet filter's chains", source))?;
        Ok(found)
    }
}

fn dropping(attributes: &[u8]) -> Option<DroppingChain> {
    let (mut table, mut chain, mut hook, mut policy) = (None, None, None, None);
    let text = |value: &[u8]| {
        String::from_utf8_lossy(value)
            .trim_end_matches('\0')
            .to_owned()
    };
    for (kind, value) in attributes::parse(attributes) {
        match kind {
            1 => table = Some(text(value)),
            3 => chain = Some(text(value)),
            4 => hook = attributes::parse(value).find(|(kind, _)| *kind == 1),
            5 => policy = attributes::number(value),
            _ => {}
        }
    }
    let hook = hook.and_then(|(_, value)| attributes::number(value));
    const DROP: u32 = 0;
    if hook != Some(FORWARD) || policy != Some(DROP) {
        return None;
    }
    Some(DroppingChain {
        table: table?,
        chain: chain?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netns;

    const NAMES: Set = Set {
        name: "names",
        keys: &[Part::Interface],
        values: &[],
    };
    const PORTS: Set = Set {
        name: "ports",
        keys: &[Part::Protocol, Part::Port],
        values: &[Part::Ipv4, Part::Port],
    };

    #[test]
    fn batch_is_done_whole_or_not_at_all() {
        let (_namespace, socket) = netns::make(Socket::netfilter).unwrap();
        let socket = socket.unwrap();
        let hook = Hook {
            number: FORWARD,
            priority: 0,
            kind: "filter",
        };
        let rule = Rule::default()
            .interface_in(Direction::In, &NAMES)
            .verdict(Verdict::Drop);
        let mut batch = Batch::default();
        batch
            .add_table("t")
            .add_set("t", &NAMES)
            .add_set("t", &PORTS)
            .add_chain("t", "c", Some(hook))
            .add_rule("t", "c", &rule);
        batch.commit(&socket).unwrap();
        assert!(socket.has_table("t").unwrap() && !socket.has_table("u").unwrap());
        let (key, value) = ([6, 0, 0, 0, 0, 80, 0, 0], [10, 0, 0, 2, 0, 80, 0, 0]);
        let mut add = Batch::default();
        add.add_element("t", &PORTS, &key, &value);
        add.commit(&socket).unwrap();
        // The same again is no error, something else under the same key is one.
        add.commit(&socket).unwrap();
        let mut other = Batch::default();
        other.add_element("t", &PORTS, &key, &[10, 0, 0, 3, 0, 80, 0, 0]);
        assert!(other.commit(&socket).unwrap_err().is(Errno::EXIST));
        // What one of them fails for is not done by the others either.
        let mut both = Batch::default();
        both.delete_element("t", &PORTS, &key).delete_element(
            "t",
            &NAMES,
            &interface_key("nobody"),
        );
        let error = both.commit(&socket).unwrap_err();
        assert!(error.is(Errno::NOENT) && error.to_string().contains("names"));
        let mut delete = Batch::default();
        delete.delete_element("t", &PORTS, &key);
        delete.commit(&socket).unwrap();
        assert!(delete.commit(&socket).unwrap_err().is(Errno::NOENT));
        assert!(socket.dropping_chains().unwrap().is_empty());
        Batch::default().delete_table("t").commit(&socket).unwrap();
        assert!(!socket.has_table("t").unwrap());
    }
}
