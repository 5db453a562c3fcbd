//! Flows that connection tracking remembers, to be forgotten when what they were decided
//! by has changed: a UDP client that goes on sending would be led the old way for as long
//! as it does.

use std::net::IpAddr;

use super::{ACKNOWLEDGE, Attributes, REQUEST, Socket, message};
use crate::sys::netlink::{Error, Result};

/// `NFNL_SUBSYS_CTNETLINK`, `IPCTNL_MSG_CT_DELETE`
const DELETE: u16 = 1 << 8 | 2;
/// `CTA_TUPLE_ORIG`
const ORIGINAL: u16 = 1;
/// `CTA_TUPLE_REPLY`
const REPLY: u16 = 2;
/// `CTA_FILTER`, since Linux 5.8. An older kernel takes the request for one that names a
/// single flow by half of its tuple, and refuses it.
const FILTER: u16 = 25;
const UDP: u8 = 17;

/// Flows of UDP.
#[derive(Clone, Copy, Debug)]
pub enum Flows {
    /// That were sent to this address and port.
    To(IpAddr, u16),
    /// That this address and port answers, whatever address it is called by.
    AnsweredBy(IpAddr, u16),
}

impl Socket {
    /// Forgets flows. None is no error.
    pub fn forget(&self, flows: Flows) -> Result<()> {
        // The tuple, the number of CTA_IP_V4_SRC or _DST, and which parts of it decide
        // (CTA_FILTER_F_CTA_*): an address, the protocol, a port.
        let (tuple, ip, port, is_source) = match flows {
            Flows::To(ip, port) => (ORIGINAL, ip, port, false),
            Flows::AnsweredBy(ip, port) => (REPLY, ip, port, true),
        };
        let side = u16::from(!is_source);
        let flags: u32 = 1 << side | 1 << 3 | 1 << (4 + side);
        let mut attributes = Attributes::default();
        attributes.nested(tuple, |tuple| {
            tuple.nested(1, |address| match ip {
                IpAddr::V4(ip) => {
                    address.bytes(1 + side, &ip.octets());
                }
                IpAddr::V6(ip) => {
                    address.bytes(3 + side, &ip.octets());
                }
            });
            tuple.nested(2, |transport| {
                transport
                    .bytes(1, &[UDP])
                    .bytes(2 + side, &port.to_be_bytes());
            });
        });
        attributes.nested(FILTER, |filter| {
            filter.bytes(tuple, &flags.to_ne_bytes());
        });
        let family = if ip.is_ipv4() { 2 } else { 10 };
        let mut bytes = Vec::new();
        let acknowledged = REQUEST | ACKNOWLEDGE;
        message(&mut bytes, DELETE, acknowledged, 1, family, 0, &attributes);
        // Only a message of version 1 has its family looked at.
        const VERSION: usize = 17;
        bytes[VERSION] = 1;
        let mut outcome = Ok(());
        self.send(&bytes)
            .and_then(|()| {
                self.receive(|answer| {
                    outcome = answer.outcome().unwrap_or(Ok(()));
                    true
                })
            })
            .and(outcome)
            .map_err(|source| Error::new("forget flows", source))
    }
}
