//! Rules: expressions that each load something, compare it or do something.

use super::{Set, attributes::Attributes};

/// The register that compared things pass through, 16 bytes (`NFT_REG_1`).
const FIRST: u32 = 1;
/// `NFT_REG_2`
const SECOND: u32 = 2;
/// The 4-byte registers begin here (`NFT_REG32_00`); the first four are [`FIRST`].
const SMALL: u32 = 8;
/// `NFT_REG_VERDICT`
const VERDICT: u32 = 0;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    fn number(self) -> u8 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    /// Bytes of an address.
    fn length(self) -> u32 {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }
}

/// Which interface of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The one that it came in by.
    In,
    /// The one that it goes out by.
    Out,
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Gone.
    Drop,
    /// Through with this chain.
    Accept,
    /// On in another chain of the table, and back.
    Jump(&'static str),
}

/// One rule.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    expressions: Attributes,
}

impl Rule {
    pub(super) fn expressions(&self) -> &Attributes {
        &self.expressions
    }

    fn push(mut self, name: &str, fill: impl FnOnce(&mut Attributes)) -> Self {
        // NFTA_LIST_ELEM of NFTA_EXPR_NAME and NFTA_EXPR_DATA.
        self.expressions.nested(1, |element| {
            element.text(1, name).nested(2, fill);
        });
        self
    }

    fn meta(self, key: u32, register: u32) -> Self {
        self.push("meta", |meta| {
            meta.number(1, register).number(2, key);
        })
    }

    fn payload(self, base: u32, offset: u32, length: u32, register: u32) -> Self {
        self.push("payload", |payload| {
            payload
                .number(1, register)
                .number(2, base)
                .number(3, offset)
                .number(4, length);
        })
    }

    /// `NFT_CMP_*`: 0 equal, 1 not equal, 3 at most, 5 at least.
    fn compare(self, operation: u32, value: &[u8]) -> Self {
        self.push("cmp", |compare| {
            compare.number(1, FIRST).number(2, operation).data(3, value);
        })
    }

    fn any_bit(self, mask: u32) -> Self {
        let zero = 0u32.to_ne_bytes();
        self.push("bitwise", |bitwise| {
            bitwise
                .number(1, FIRST)
                .number(2, FIRST)
                .number(3, 4)
                .data(4, &mask.to_ne_bytes())
                .data(5, &zero);
        })
        .compare(1, &zero)
    }

    fn lookup(self, set: &Set, result: Option<u32>, inverted: bool) -> Self {
        self.push("lookup", |lookup| {
            lookup.text(1, set.name).number(2, FIRST);
            if let Some(register) = result {
                lookup.number(3, register);
            }
            if inverted {
                lookup.number(5, 1);
            }
        })
    }

    /// Its interface is one of a set.
    pub fn interface_in(self, direction: Direction, set: &Set) -> Self {
        self.meta(direction.key(), FIRST).lookup(set, None, false)
    }

    /// Its interface is none of a set.
    pub fn interface_not_in(self, direction: Direction, set: &Set) -> Self {
        self.meta(direction.key(), FIRST).lookup(set, None, true)
    }

    /// The pair of its interfaces is one of a set.
    pub fn interfaces_in(self, set: &Set) -> Self {
        self.meta(Direction::In.key(), FIRST)
            .meta(Direction::Out.key(), SECOND)
            .lookup(set, None, false)
    }

    /// The pair of its addresses is one of a set.
    pub fn addresses_in(self, family: Family, set: &Set) -> Self {
        let source = if family == Family::V4 { 12 } else { 8 };
        let length = family.length();
        self.family(family)
            .payload(1, source, length, FIRST)
            .payload(1, source + length, length, SMALL + length / 4)
            .lookup(set, None, false)
    }

    /// It is of that family.
    pub fn family(self, family: Family) -> Self {
        self.meta(15, FIRST).compare(0, &[family.number()])
    }

    /// Its transport is this protocol.
    pub fn protocol(self, number: u8) -> Self {
        self.meta(16, FIRST).compare(0, &[number])
    }

    /// It comes from loopback's IPv4 network.
    pub fn from_loopback(self) -> Self {
        self.family(Family::V4)
            .payload(1, 12, 1, FIRST)
            .compare(0, &[127])
    }

    /// It goes to loopback's network, or to its one address of IPv6.
    pub fn to_loopback(self, family: Family) -> Self {
        match family {
            Family::V4 => self
                .family(family)
                .payload(1, 16, 1, FIRST)
                .compare(0, &[127]),
            Family::V6 => self
                .family(family)
                .payload(1, 24, 16, FIRST)
                .compare(0, &std::net::Ipv6Addr::LOCALHOST.octets()),
        }
    }

    /// It goes to an address of this host.
    pub fn to_this_host(self) -> Self {
        const ADDRESS_TYPE: u32 = 3;
        const OF_DESTINATION: u32 = 2;
        const LOCAL: u32 = 2;
        self.push("fib", |fib| {
            fib.number(1, FIRST)
                .number(2, ADDRESS_TYPE)
                .number(3, OF_DESTINATION);
        })
        .compare(0, &LOCAL.to_ne_bytes())
    }

    /// The first byte of its transport header, ICMP's type, lies between these.
    pub fn icmp_type(self, least: u8, most: u8) -> Self {
        self.payload(2, 0, 1, FIRST)
            .compare(5, &[least])
            .compare(3, &[most])
    }

    /// Its connection was seen in both directions, or belongs to one that was.
    pub fn is_established(self) -> Self {
        self.push("ct", |ct| {
            ct.number(1, FIRST).number(2, 0);
        })
        .any_bit(2 | 4)
    }

    /// Its connection was sent elsewhere than it wanted to.
    pub fn is_redirected(self) -> Self {
        self.push("ct", |ct| {
            ct.number(1, FIRST).number(2, 2);
        })
        .any_bit(1 << 5)
    }

    /// Send it where a map says, which is asked by transport protocol and port and,
    /// where `by_address`, by the address that it goes to.
    pub fn redirect(self, family: Family, by_address: bool, map: &Set) -> Self {
        let mut next = SMALL;
        let mut rule = self;
        if by_address {
            let offset = if family == Family::V4 { 16 } else { 24 };
            rule = rule.payload(1, offset, family.length(), FIRST);
            next += family.length() / 4;
        }
        // The first small register is the beginning of the first large one.
        rule = rule.meta(16, next).payload(2, 2, 2, next + 1);
        let port = SMALL + family.length() / 4;
        rule.lookup(map, Some(FIRST), false).push("nat", |nat| {
            const DESTINATION: u32 = 1;
            nat.number(1, DESTINATION)
                .number(2, family.number().into())
                .number(3, FIRST)
                .number(5, port);
        })
    }

    /// Send it on under the address of the interface that it goes out by.
    pub fn masquerade(self) -> Self {
        self.push("masq", |_| {})
    }

    /// End with a verdict.
    pub fn verdict(self, verdict: Verdict) -> Self {
        self.push("immediate", |immediate| {
            immediate.number(1, VERDICT).nested(2, |data| {
                data.nested(2, |inner| match verdict {
                    Verdict::Drop => {
                        inner.number(1, 0);
                    }
                    Verdict::Accept => {
                        inner.number(1, 1);
                    }
                    Verdict::Jump(chain) => {
                        // NFT_JUMP
                        inner.number(1, -3i32 as u32).text(2, chain);
                    }
                });
            });
        })
    }
}

impl Direction {
    /// `NFT_META_IIFNAME`, `NFT_META_OIFNAME`
    fn key(self) -> u32 {
        match self {
            Self::In => 6,
            Self::Out => 7,
        }
    }
}
