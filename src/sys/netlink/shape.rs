//! How fast a link may send: a token bucket (tc-tbf(8)) as its queue.

use netlink_packet_core::{DefaultNla, NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcHandle, TcMessage, TcOption},
};

use super::Requests;

/// `TCA_TBF_PARMS`, `TCA_TBF_RATE64` and `TCA_TBF_BURST`.
const PARAMETERS: u16 = 1;
const RATE: u16 = 4;
const BURST: u16 = 6;
/// `TC_LINKLAYER_ETHERNET`: the kernel then computes times by itself and needs no table.
const ETHERNET: u8 = 1;

impl Requests {
    /// Let a link send at most so many bytes a second, in packets of up to `mtu` bytes;
    /// another rate that it has is replaced.
    pub fn limit_rate(&mut self, link: u32, bytes_per_second: u64, mtu: u32) -> &mut Self {
        // What may go out at once: two packets at least, or the timer's grain would hold
        // fast links back.
        let burst = (bytes_per_second / 50).max(u64::from(mtu) * 2);
        // What may wait: a fifth of a second, and enough for a slow link's window.
        let limit = (bytes_per_second / 5).max(u64::from(mtu) * 16);
        let number = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        // struct tc_tbf_qopt: rate and peak (struct tc_ratespec, 12 bytes each, whose last
        // is the rate), limit, buffer, mtu.
        let mut parameters = [0; 36];
        parameters[1] = ETHERNET;
        parameters[8..12].copy_from_slice(&number(bytes_per_second).to_ne_bytes());
        parameters[24..28].copy_from_slice(&number(limit).to_ne_bytes());
        let option = |kind, value: &[u8]| TcOption::Other(DefaultNla::new(kind, value.to_vec()));
        let mut message = root(link);
        message.attributes = vec![
            TcAttribute::Kind("tbf".into()),
            TcAttribute::Options(vec![
                option(PARAMETERS, &parameters),
                option(RATE, &bytes_per_second.to_ne_bytes()),
                option(BURST, &number(burst).to_ne_bytes()),
            ]),
        ];
        self.push(
            format!("limit the rate of link {link}"),
            NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
            RouteNetlinkMessage::NewQueueDiscipline(message),
        );
        self
    }

    /// Let a link send as fast as it can again. One that could is an error (`ENOENT`).
    pub fn lift_rate(&mut self, link: u32) -> &mut Self {
        self.push(
            format!("lift the rate of link {link}"),
            NLM_F_ACK,
            RouteNetlinkMessage::DelQueueDiscipline(root(link)),
        );
        self
    }
}

fn root(link: u32) -> TcMessage {
    let mut message = TcMessage::with_index(link.cast_signed());
    message.header.parent = TcHandle::ROOT;
    message
}

#[cfg(test)]
mod tests {
    use crate::sys::{netlink::Socket, netns};

    use super::*;
    use rustix::io::Errno;

    #[test]
    fn rate_is_set_replaced_and_lifted_once() {
        const LOOPBACK: u32 = 1;
        let (_namespace, socket) = netns::make(Socket::route).unwrap();
        let socket = socket.unwrap();
        for rate in [1024, 5 << 30, 1 << 20] {
            Requests::default()
                .limit_rate(LOOPBACK, rate, 1500)
                .execute(&socket)
                .unwrap();
        }
        let lift = || Requests::default().lift_rate(LOOPBACK).execute(&socket);
        lift().unwrap();
        assert!(lift().unwrap_err().is(Errno::NOENT));
    }
}
