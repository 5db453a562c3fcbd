//! What to say to a query: an answer of our own, or that somebody else must be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE,
    header_buffer,
    rdata::{A, AAAA, PTR, RData},
};

/// Seconds that an answer may be kept: containers come and go.
const KEEP_SECS: u32 = 5;
/// Most addresses in an answer, which so fits a datagram of 512 bytes.
const MOST: usize = 12;

/// Names that are known here.
pub(super) trait Names {
    /// The addresses of a name; none if it is not known.
    fn addresses(&self, name: &str) -> Vec<IpAddr>;
    /// The name of an address.
    fn name(&self, ip: IpAddr) -> Option<String>;
}

/// What is done with a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is the answer.
    Answer(Vec<u8>),
    /// Somebody else knows.
    Forward,
    /// It is no query.
    Ignore,
}

/// Decides about a query, which may hold anything at all.
pub(super) fn decide(bytes: &[u8], names: &impl Names) -> Verdict {
    let Ok(query) = Packet::parse(bytes) else {
        return refuse(bytes, RCODE::FormatError);
    };
    if query.has_flags(PacketFlag::RESPONSE) {
        return Verdict::Ignore;
    }
    let [question] = query.questions.as_slice() else {
        return refuse(bytes, RCODE::FormatError);
    };
    let is_lookup = query.opcode() == OPCODE::StandardQuery
        && matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY);
    if !is_lookup {
        return Verdict::Forward;
    }
    let name = question.qname.to_string();
    let records = match question.qtype {
        QTYPE::TYPE(TYPE::PTR) => {
            let Some(found) = address(&name).and_then(|ip| names.name(ip)) else {
                return Verdict::Forward;
            };
            let Ok(found) = Name::new(&found) else {
                return Verdict::Forward;
            };
            vec![RData::PTR(PTR(found.into_owned()))]
        }
        kind => {
            let found = names.addresses(name.trim_end_matches('.'));
            if found.is_empty() {
                return Verdict::Forward;
            }
            // Of another kind there is nothing, and nobody else would know more.
            found
                .iter()
                .filter_map(|ip| data(*ip, kind))
                .take(MOST)
                .collect()
        }
    };
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::AUTHORITATIVE_ANSWER);
    if query.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    reply.questions.push(question.clone());
    for data in records {
        let name = question.qname.clone();
        let record = ResourceRecord::new(name, CLASS::IN, KEEP_SECS, data);
        reply.answers.push(record);
    }
    match reply.build_bytes_vec_compressed() {
        Ok(bytes) => Verdict::Answer(bytes),
        Err(_) => refuse(bytes, RCODE::ServerFailure),
    }
}

/// The answer that there is none.
pub(super) fn failure(query: &[u8]) -> Option<Vec<u8>> {
    match refuse(query, RCODE::ServerFailure) {
        Verdict::Answer(bytes) => Some(bytes),
        _ => None,
    }
}

fn refuse(query: &[u8], code: RCODE) -> Verdict {
    let is_query = header_buffer::has_flags(query, PacketFlag::RESPONSE) == Ok(false);
    let Some(id) = header_buffer::id(query).ok().filter(|_| is_query) else {
        return Verdict::Ignore;
    };
    let mut reply = Packet::new_reply(id);
    *reply.rcode_mut() = code;
    if let Ok(parsed) = Packet::parse(query) {
        reply.questions = parsed.questions;
        return reply
            .build_bytes_vec()
            .map_or(Verdict::Ignore, Verdict::Answer);
    }
    reply
        .build_bytes_vec()
        .map_or(Verdict::Ignore, Verdict::Answer)
}

fn data<'a>(ip: IpAddr, kind: QTYPE) -> Option<RData<'a>> {
    let is = |wanted| kind == QTYPE::TYPE(wanted) || kind == QTYPE::ANY;
    match ip {
        IpAddr::V4(ip) if is(TYPE::A) => Some(RData::A(A::from(ip))),
        IpAddr::V6(ip) if is(TYPE::AAAA) => Some(RData::AAAA(AAAA::from(ip))),
        _ => None,
    }
}

/// The address that a reverse name is of.
fn address(name: &str) -> Option<IpAddr> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if let Some(digits) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0; 4];
        let mut parts = digits.split('.');
        for octet in octets.iter_mut().rev() {
            *octet = parts.next()?.parse().ok()?;
        }
        return parts
            .next()
            .is_none()
            .then_some(Ipv4Addr::from(octets).into());
    }
    let digits = name.strip_suffix(".ip6.arpa")?;
    let mut number: u128 = 0;
    let mut count = 0;
    for digit in digits.split('.').collect::<Vec<_>>().into_iter().rev() {
        let [letter] = digit.as_bytes() else {
            return None;
        };
        number = number.checked_mul(16)? | u128::from((*letter as char).to_digit(16)?);
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from(number).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::Question;

    use super::*;

    struct Web;

    impl Names for Web {
        fn addresses(&self, name: &str) -> Vec<IpAddr> {
            match name {
                "web" => vec!["10.0.0.2".parse().unwrap(), "10.0.0.3".parse().unwrap()],
                _ => vec![],
            }
        }

        fn name(&self, ip: IpAddr) -> Option<String> {
            (ip.to_string() == "10.0.0.2").then(|| "web".into())
        }
    }

    fn query(name: &str, kind: TYPE) -> Vec<u8> {
        let mut query = Packet::new_query(7);
        query.set_flags(PacketFlag::RECURSION_DESIRED);
        let name = Name::new_unchecked(name);
        query
            .questions
            .push(Question::new(name, kind.into(), CLASS::IN.into(), false));
        query.build_bytes_vec().unwrap()
    }

    fn answers(bytes: &[u8]) -> Vec<String> {
        let Verdict::Answer(bytes) = decide(bytes, &Web) else {
            return vec!["forward".into()];
        };
        let reply = Packet::parse(&bytes).unwrap();
        assert!(reply.has_flags(PacketFlag::RESPONSE) && reply.id() == 7);
        reply
            .answers
            .iter()
            .map(|record| match &record.rdata {
                RData::A(a) => Ipv4Addr::from(a.address).to_string(),
                RData::PTR(name) => name.0.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn known_names_are_answered_and_others_forwarded() {
        assert_eq!(answers(&query("web", TYPE::A)), ["10.0.0.2", "10.0.0.3"]);
        // It exists, and has no such address.
        assert!(answers(&query("web", TYPE::AAAA)).is_empty());
        assert_eq!(answers(&query("2.0.0.10.in-addr.arpa", TYPE::PTR)), ["web"]);
        for other in [
            query("debian.org", TYPE::A),
            query("9.0.0.10.in-addr.arpa", TYPE::PTR),
            query("x.in-addr.arpa", TYPE::PTR),
        ] {
            assert_eq!(answers(&other), ["forward"]);
        }
    }

    #[test]
    fn answers_are_no_queries() {
        let Verdict::Answer(answer) = decide(&query("web", TYPE::A), &Web) else {
            panic!("no answer")
        };
        assert_eq!(decide(&answer, &Web), Verdict::Ignore);
        assert!(failure(&query("x", TYPE::A)).is_some());
        assert_eq!(failure(&answer), None);
        assert_eq!(decide(b"", &Web), Verdict::Ignore);
    }

    proptest! {
        #[test]
        fn any_bytes_are_decided_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            cut in 0usize..40,
        ) {
            let _ = decide(&bytes, &Web);
            let mut torn = query("web", TYPE::A);
            torn.truncate(cut);
            torn.extend(&bytes);
            let _ = decide(&torn, &Web);
            let _ = failure(&torn);
        }
    }
}
